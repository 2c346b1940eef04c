-- owner: chain
-- The journal's head that the transaction carries to the chain as 32 more bytes of calldata.
alter table tx add column anchor text;

-- Who may write for a sender. The epoch grows at each take-over, and each event checks it.
create table writer_lease (
  chain_id   bigint not null,
  sender     text   not null,              -- lower case
  epoch      bigint not null,
  holder     text,                         -- null once released
  backend    int,                          -- of the holder's session, which holds the advisory lock
  lease_ms   bigint not null,
  renewed_at timestamptz not null,         -- by the database's clock, which all share
  primary key (chain_id, sender)
);

-- The end of every move: event and head, if the head is where the writer computed the hash from (MJ001)
-- and the writer still has its lease (MJ002). The head comes first: a take-over locks it, too.
create function journal_append(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint
) returns bigint language plpgsql as $$
declare
  v_epoch bigint;
begin
  update journal_head set seq = p_seq, hash = p_hash where seq = p_seq - 1 and hash = p_prev;
  if not found then
    raise exception 'the head of the journal moved' using errcode = 'MJ001';
  end if;
  select l.epoch into v_epoch
    from tx join writer_lease l on l.chain_id = tx.chain_id and l.sender = tx.sender
   where tx.id = p_tx and (l.holder is not null or p_epoch is not null);
  if v_epoch is distinct from p_epoch then
    raise exception 'the lease is lost' using errcode = 'MJ002';
  end if;
  insert into journal_event values (p_seq, p_tx, p_kind, p_facts, p_at, p_prev, p_hash);
  return p_seq;
end $$;
