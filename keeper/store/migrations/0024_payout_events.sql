-- owner: payouts
-- How far the events of a contract are in the books: what its creditors did there without us.

create table payout_event_cursor (
  chain_id bigint not null,
  contract text   not null,                     -- lower case
  through  bigint not null,                     -- number of the last final block that was read
  primary key (chain_id, contract)
);
