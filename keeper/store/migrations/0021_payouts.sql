-- owner: payouts
-- From award to payment. The money itself is in the books (0020): these rows say what it is for and how far it is.

create table payout_program (
  program         text   not null primary key,
  number          bigint not null,              -- of the program in the contract
  asset           text   not null,              -- CAIP-19
  accrued_through bigint,                       -- unix seconds; moves in the transaction that posts the awards
  settled_through bigint                        -- nothing before it is unpaid; moves only with a final receipt
);

-- What a program awarded, each reference once and for ever.
create table payout_accrual (
  program      text   not null references payout_program (program),
  ref          text   not null,                 -- of the program; carry/<payout>: what a payout left of its accruals
  payee        text   collate "C" not null,
  amount       numeric(78, 0) not null,
  content      text   not null,                 -- hash of payee, amount and reason: the same reference, the same award
  effective_at bigint not null,
  recorded_at  bigint not null,
  payout       text,                            -- payout.key, set once in the transaction that makes the payout
  carried_from text,                            -- payout.key whose rest it is; its money was posted with the awards
  primary key (program, ref),
  constraint payout_accrual_amount check (amount > 0)
);
create index payout_accrual_open on payout_accrual (program, payee, effective_at) where payout is null;
create index payout_accrual_of_payout on payout_accrual (payout) where payout is not null;
create index payout_accrual_waiting on payout_accrual (program, effective_at) where payout is null and carried_from is null;

create table payout (
  id             bigint generated always as identity primary key,   -- the order in which they are paid
  key            text   not null unique,        -- SHA-256 over the sorted references, computed once
  program        text   not null references payout_program (program),
  payee          text   collate "C" not null,
  amount         numeric(78, 0) not null,
  state          text   not null,
  effective_from bigint not null,               -- of its earliest award
  created_at     bigint not null,
  constraint payout_amount check (amount > 0),
  constraint payout_state check (state in ('owed', 'inflight', 'paid', 'credited'))
);
create index payout_open on payout (program, id) where state = 'owed';
create index payout_unpaid on payout (program, effective_from) where state in ('owed', 'inflight');

-- One call of the contract, which takes a sequence number once.
create table payout_batch (
  id          text   not null primary key,      -- SHA-256 over its place and its payouts in order: the journal's key
  program     text   not null references payout_program (program),
  chain_id    bigint not null,
  contract    text   not null,                  -- lower case
  seq         bigint not null,
  payments    int    not null,
  amount      numeric(78, 0) not null,
  state       text   not null,
  paid        numeric(78, 0) not null default 0,
  credited    numeric(78, 0) not null default 0,
  created_at  bigint not null,
  finished_at bigint,
  constraint payout_batch_state check (state in ('inflight', 'done', 'undone'))
);
-- What was undone gives its number to the next: whichever of the two the contract sees first is the only one.
create unique index payout_batch_place on payout_batch (chain_id, contract, program, seq) where state <> 'undone';
create index payout_batch_open on payout_batch (program, seq) where state = 'inflight';

create table payout_payment (
  batch    text not null references payout_batch (id),
  position int  not null,                       -- in the batch, from 0
  payout   text not null references payout (key),
  address  text not null,                       -- lower case
  amount   numeric(78, 0) not null,
  outcome  text,                                -- null while on its way
  primary key (batch, position),
  constraint payout_payment_outcome check (outcome in ('paid', 'refused', 'untouched'))
);
create index payout_payment_of_payout on payout_payment (payout);
