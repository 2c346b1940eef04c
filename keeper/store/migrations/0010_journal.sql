-- owner: chain
-- The journal's head that the transaction carries to the chain as 32 more bytes of calldata.
alter table tx add column anchor text;

-- An event costs what its indexes and checks cost, five times a transaction. The chain of hashes shows what
-- these two would: an event twice, or one whose row is gone.
alter table journal_event drop constraint journal_event_hash_key;
alter table journal_event drop constraint journal_event_tx_id_fkey;

-- Who may write for a sender. The epoch grows at each take-over, and each event checks it.
create table writer_lease (
  chain_id   bigint not null,
  sender     text   not null,              -- lower case
  epoch      bigint not null,
  holder     text,                         -- null once released
  lease_ms   bigint not null,
  renewed_at timestamptz not null,         -- by the database's clock, which all share
  primary key (chain_id, sender)
);

-- The begin of every move: the head, if it is where the writer computed the hash from (MJ001). It comes
-- first, so that all writers lock in one order, and a take-over locks it too: what passed before is seen by
-- the new holder, and what comes after is refused.
create function journal_begin(p_seq bigint, p_prev text, p_hash text) returns bool
language plpgsql as $$
begin
  update journal_head set seq = p_seq, hash = p_hash where seq = p_seq - 1 and hash = p_prev;
  if not found then
    raise exception 'the head of the journal moved' using errcode = 'MJ001';
  end if;
  return true;
end $$;

-- The row is not as the writer last saw it: nothing has happened.
create function journal_undo(p_seq bigint, p_prev text) returns bool language plpgsql as $$
begin
  update journal_head set seq = p_seq - 1, hash = p_prev where seq = p_seq;
  return false;
end $$;

-- The end of every move: the event, if the writer still has its lease (MJ002).
create function journal_append(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint, p_chain_id bigint, p_sender text
) returns bool language plpgsql as $$
declare
  v_epoch bigint;
begin
  select epoch into v_epoch from writer_lease
   where chain_id = p_chain_id and sender = p_sender
     and (holder is not null or p_epoch is not null);
  if v_epoch is distinct from p_epoch then
    raise exception 'the lease is lost' using errcode = 'MJ002';
  end if;
  insert into journal_event values (p_seq, p_tx, p_kind, p_facts, p_at, p_prev, p_hash);
  return true;
end $$;

-- One function a move: row and event in one statement, planned once by the embedded store. A move changes the
-- row only as the writer last saw it (its state, and its mark: the block's hash or else the attempt's);
-- otherwise it returns false, and the writer looks again.
create function journal_open(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint,
  p_chain_id bigint, p_contract text, p_tx_kind text, p_key text, p_payload_hash text, p_sender text,
  p_nonce bigint, p_data text, p_value numeric, p_gas_limit bigint, p_anchor text
) returns bool language plpgsql as $$
declare
  v_begun bool;
begin
  v_begun := journal_begin(p_seq, p_prev, p_hash);
  insert into tx (id, chain_id, contract, kind, key, payload_hash, sender, nonce, data, value,
                  gas_limit, anchor, state, created_at, updated_at)
  overriding system value
  values (p_tx, p_chain_id, p_contract, p_tx_kind, p_key, p_payload_hash, p_sender, p_nonce, p_data,
          p_value, p_gas_limit, p_anchor, 'planned', p_at, p_at)
  on conflict (id) do update
     set nonce = p_nonce, sender = p_sender, gas_limit = p_gas_limit, anchor = p_anchor,
         state = 'planned', reason = null, updated_at = p_at
   where tx.nonce is null;
  if not found then
    return journal_undo(p_seq, p_prev);
  end if;
  return journal_append(p_seq, p_prev, p_tx, p_kind, p_facts, p_at, p_hash, p_epoch, p_chain_id, p_sender);
end $$;

create function journal_sign(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint, p_state text, p_mark text,
  p_to text, p_attempt text, p_raw text, p_purpose text, p_max_fee numeric, p_tip numeric
) returns bool language plpgsql as $$
declare
  v_begun bool;
  v_chain_id bigint;
  v_sender text;
begin
  v_begun := journal_begin(p_seq, p_prev, p_hash);
  update tx set state = p_to, hash = p_attempt, updated_at = p_at
   where id = p_tx and state = p_state and coalesce(block_hash, hash, '') = p_mark
  returning chain_id, sender into v_chain_id, v_sender;
  if not found then
    return journal_undo(p_seq, p_prev);
  end if;
  insert into tx_attempt (tx_id, hash, raw, purpose, max_fee, tip, signed_at)
  values (p_tx, p_attempt, p_raw, p_purpose, p_max_fee, p_tip, p_at);
  return journal_append(p_seq, p_prev, p_tx, p_kind, p_facts, p_at, p_hash, p_epoch, v_chain_id, v_sender);
end $$;

create function journal_broadcast(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint, p_state text, p_mark text,
  p_to text, p_attempt text
) returns bool language plpgsql as $$
declare
  v_begun bool;
  v_chain_id bigint;
  v_sender text;
begin
  v_begun := journal_begin(p_seq, p_prev, p_hash);
  update tx set state = p_to, reason = null, updated_at = p_at
   where id = p_tx and state = p_state and coalesce(block_hash, hash, '') = p_mark
  returning chain_id, sender into v_chain_id, v_sender;
  if not found then
    return journal_undo(p_seq, p_prev);
  end if;
  update tx_attempt set broadcast_at = p_at where hash = p_attempt and tx_id = p_tx;
  return journal_append(p_seq, p_prev, p_tx, p_kind, p_facts, p_at, p_hash, p_epoch, v_chain_id, v_sender);
end $$;

-- What the chain says of it: a receipt, or that the block is gone again (all null but the hash).
create function journal_receipt(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint, p_state text, p_mark text,
  p_to text, p_attempt text, p_succeeded bool, p_block_number bigint, p_block_hash text,
  p_gas_used bigint, p_gas_price numeric, p_reason text
) returns bool language plpgsql as $$
declare
  v_begun bool;
  v_chain_id bigint;
  v_sender text;
begin
  v_begun := journal_begin(p_seq, p_prev, p_hash);
  update tx set state = p_to, hash = p_attempt, succeeded = p_succeeded, block_number = p_block_number,
         block_hash = p_block_hash, gas_used = p_gas_used, gas_price = p_gas_price,
         reason = p_reason, updated_at = p_at
   where id = p_tx and state = p_state and coalesce(block_hash, hash, '') = p_mark
  returning chain_id, sender into v_chain_id, v_sender;
  if not found then
    return journal_undo(p_seq, p_prev);
  end if;
  return journal_append(p_seq, p_prev, p_tx, p_kind, p_facts, p_at, p_hash, p_epoch, v_chain_id, v_sender);
end $$;

create function journal_close(
  p_seq bigint, p_prev text, p_tx bigint, p_kind text, p_facts text, p_at bigint, p_hash text,
  p_epoch bigint, p_state text, p_mark text,
  p_to text, p_reason text, p_nonce bigint
) returns bool language plpgsql as $$
declare
  v_begun bool;
  v_chain_id bigint;
  v_sender text;
begin
  v_begun := journal_begin(p_seq, p_prev, p_hash);
  update tx set state = p_to, reason = p_reason, nonce = p_nonce, updated_at = p_at
   where id = p_tx and state = p_state and coalesce(block_hash, hash, '') = p_mark
  returning chain_id, sender into v_chain_id, v_sender;
  if not found then
    return journal_undo(p_seq, p_prev);
  end if;
  return journal_append(p_seq, p_prev, p_tx, p_kind, p_facts, p_at, p_hash, p_epoch, v_chain_id, v_sender);
end $$;
