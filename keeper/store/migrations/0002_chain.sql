-- owner: chain
-- The journal: what was meant to be sent, what was signed, and what became of it.
create table tx (
  id           bigint generated always as identity primary key,
  chain_id     bigint not null,
  contract     text   not null,            -- the called address, lower case
  kind         text   not null,
  key          text   not null,
  payload_hash text   not null,            -- of contract, value and data: same key, same payload
  sender       text   not null,            -- lower case
  nonce        bigint,                     -- null once released, which only an unsigned intent may be
  data         text   not null,
  value        numeric(78, 0) not null,
  gas_limit    bigint not null,
  state        text   not null check (state in ('planned', 'signed', 'broadcast', 'included', 'final',
                                                'reverted', 'cancelled', 'unknown', 'foreign')),
  reason       text,
  hash         text,                       -- of the attempt that was mined
  succeeded    bool,                       -- of the receipt; false waits for depth, then reverted
  block_number bigint,
  block_hash   text,
  gas_used     bigint,
  gas_price    numeric(78, 0),
  created_at   bigint not null,
  updated_at   bigint not null,
  unique (chain_id, contract, kind, key),
  unique (chain_id, sender, nonce),
  check (nonce is not null or state = 'cancelled')
);

create index tx_open on tx (chain_id, sender, nonce)
  where state not in ('final', 'reverted', 'cancelled');

-- Signed bytes, stored before they may leave the process. All attempts of a tx share its nonce.
create table tx_attempt (
  id           bigint generated always as identity primary key,
  tx_id        bigint not null references tx,
  hash         text   not null unique,
  raw          text   not null,
  purpose      text   not null check (purpose in ('send', 'bump', 'cancel')),
  max_fee      numeric(78, 0) not null,
  tip          numeric(78, 0) not null,
  signed_at    bigint not null,
  broadcast_at bigint                      -- last time a node took it
);

create index tx_attempt_of on tx_attempt (tx_id, id);

-- Everything that ever happened to a tx, each event chained to the one before by its hash.
create table journal_event (
  seq       bigint primary key,
  tx_id     bigint not null references tx,
  kind      text   not null,
  facts     text   not null,               -- canonical JSON, kept as text because the hash is of it
  at        bigint not null,
  prev_hash text   not null,
  hash      text   not null unique
);

create index journal_event_of on journal_event (tx_id, seq);

-- One row: where the chain of events ends. Locking it orders the writers.
create table journal_head (
  only_row bool   primary key default true check (only_row),
  seq      bigint not null,
  hash     text   not null
);

insert into journal_head (seq, hash) values (0, repeat('0', 64));
