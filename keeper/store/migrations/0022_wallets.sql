-- owner: payouts
-- Where a payee is paid, and who is not to be paid for now. Both are histories: what holds is folded from their
-- rows, and a row is never changed.

-- Numbered by payee without gaps: of two that write at the same time one finds its number taken.
create table wallet_event (
  program      text   not null,
  payee        text   not null,                -- as the program calls it
  seq          int    not null check (seq > 0),
  kind         text   not null check (kind in ('linked', 'cancelled', 'unlinked')),
  wallet       text   not null check (wallet ~ '^0x[0-9a-f]{40}$'),
  is_primary   boolean not null,               -- linked: it is to be paid
  effective_at bigint not null,                -- linked as primary: from when on; else when it was recorded
  nonce        numeric(78, 0),                 -- linked: of the message, its deadline and what the wallet signed
  deadline     bigint,
  signature    text,
  actor        text   not null,                -- who brought it
  reason       text,
  recorded_at  bigint not null,
  primary key (program, payee, seq),
  constraint wallet_event_signed
    check ((kind = 'linked') = (nonce is not null and deadline is not null and signature is not null))
);

-- A message of a wallet counts once, whatever became of its link.
create unique index wallet_event_nonce on wallet_event (wallet, nonce);

-- Two lists: a hold is for now and keeps what is owed, a denial is for good.
create table payout_hold (
  id          bigint generated always as identity primary key,
  list        text   not null check (list in ('hold', 'deny')),
  program     text,                            -- null: every program
  payee       text,
  address     text   check (address ~ '^0x[0-9a-f]{40}$'),
  reason      text   not null,
  actor       text   not null,
  until       bigint,                          -- null: until it is removed
  recorded_at bigint not null,
  -- An address, a payee of a program, or a program as a whole.
  constraint payout_hold_target check (
    (address is not null and payee is null)
    or (address is null and payee is not null and program is not null)
    or (address is null and payee is null and program is not null and list = 'hold'))
);
create index payout_hold_address on payout_hold (address) where address is not null;
create index payout_hold_program on payout_hold (program, payee) where address is null;

create table payout_hold_end (
  hold        bigint primary key,              -- no foreign key: its check would need the right to update
  actor       text   not null,
  reason      text   not null,
  recorded_at bigint not null
);

create function payout_history_stays() returns trigger language plpgsql as $$
begin
  raise exception 'a history only grows: % of % is refused', lower(tg_op), tg_table_name
    using errcode = 'MP001';
end $$;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['wallet_event', 'payout_hold', 'payout_hold_end'] loop
    execute format('create trigger stays before update or delete on %I for each row
                    execute function payout_history_stays()', v_table);
    execute format('create trigger only_grows before truncate on %I
                    execute function payout_history_stays()', v_table);
    execute format('revoke update, delete, truncate on %I from public, current_user', v_table);
  end loop;
end $$;
