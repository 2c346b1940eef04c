-- owner: payouts
-- What payees may claim: the roots that were proposed, what each adds, and how much of it was taken. The money itself is
-- in the books (0020).

alter table payout drop constraint payout_state;
alter table payout add constraint payout_state
  check (state in ('owed', 'inflight', 'claimable', 'paid', 'credited'));

create table claims_root (
  seq        bigint generated always as identity primary key,
  id         text   not null unique,            -- the journal's key: the root, with #2, #3 … after one that was undone
  program    text   not null references payout_program (program),
  chain_id   bigint not null,
  contract   text   not null,                   -- lower case
  root       text   not null,
  total      numeric(78, 0) not null,           -- of all its leaves
  amount     numeric(78, 0) not null,           -- of what it adds
  file_hash  text   not null,                   -- SHA-256 of the published tree
  state      text   not null,
  ready_at   bigint,                            -- it may be accepted from then on; null until it is surely proposed
  created_at bigint not null,
  closed_at  bigint,
  constraint claims_root_state check (state in ('open', 'submitted', 'accepted', 'vetoed', 'undone'))
);
-- The contract takes no other while one waits.
create unique index claims_root_waiting on claims_root (chain_id, contract) where state in ('open', 'submitted');

-- A payout that a root makes claimable. All that the same address had before is below `cumulative`.
create table claims_line (
  root       text not null references claims_root (id),
  position   int  not null,                     -- in the root, from 0
  payout     text not null references payout (key),
  address    text collate "C" not null,         -- lower case
  amount     numeric(78, 0) not null,
  cumulative numeric(78, 0) not null,
  primary key (root, position)
);
create index claims_line_of_payout on claims_line (payout);
create index claims_line_of_address on claims_line (address, cumulative);

-- The leaves of the accepted root, and what the contract has paid of each.
create table claims_leaf (
  chain_id   bigint not null,
  contract   text   not null,                   -- lower case
  address    text   collate "C" not null,       -- lower case
  cumulative numeric(78, 0) not null,
  claimed    numeric(78, 0) not null default 0,
  primary key (chain_id, contract, address),
  constraint claims_leaf_claimed check (claimed >= 0 and claimed <= cumulative)
);
