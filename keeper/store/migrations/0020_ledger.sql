-- owner: ledger
-- Double-entry books. A transfer takes from `debit` and gives to `credit`; a balance is credits less debits, so
-- the balances of an asset add up to zero, always. Only ledger_post writes, and only ever adds.

create table ledger_asset (
  id   int generated always as identity primary key,
  caip text not null unique                     -- eip155:31337/slip44:60, eip155:1/erc20:0x…
);

create table ledger_account (
  id          int generated always as identity primary key,
  asset       int    not null,
  version     bigint not null default 0,        -- how many entries it has: the number of the last one
  balance     numeric(78, 0) not null default 0,
  min_balance numeric(78, 0),
  max_balance numeric(78, 0),
  name        text collate "C" not null,        -- expense:manual, accrued:manual:<payee>
  constraint ledger_account_named unique (name, asset),
  constraint ledger_account_limits
    check (balance >= coalesce(min_balance, balance) and balance <= coalesce(max_balance, balance))
) with (fillfactor = 70);                       -- room for updates in place: no index has the balance

-- Once per key, for ever: months of transfers go to the archive, their keys stay.
create table ledger_key (
  key      uuid   not null primary key,         -- the first 16 bytes of SHA-256 of the caller's key
  hash     uuid   not null,                     -- … and of all that was posted under it
  transfer bigint not null
) partition by hash (key);

-- An id begins with the second of its recording (id >> 20): one number orders, dates and partitions by month.
create table ledger_transfer (
  id           bigint not null primary key,
  effective_at bigint not null,                 -- unix seconds, as the program says
  debit        int    not null,
  credit       int    not null,
  asset        int    not null,
  amount       numeric(78, 0) not null,
  code         text   not null,
  key          text   not null,                 -- as the caller wrote it
  reverses     uuid,                            -- ledger_key.key of the transfer that it takes back
  reason       text,                            -- canonical JSON
  constraint ledger_transfer_amount check (amount > 0),
  constraint ledger_transfer_sides check (debit <> credit)
) partition by range (id);

-- Two a transfer. The unique index (account, seq) is made on each month; that the numbers go on from one month to
-- the next is the account's version, which is updated under its lock by the same statement.
create table ledger_entry (
  transfer bigint not null,
  seq      bigint not null,                     -- 1, 2, 3 … of its account
  account  int    not null,
  amount   numeric(78, 0) not null,             -- negative on the debit side
  balance  numeric(78, 0) not null              -- of the account after it
) partition by range (transfer);

-- One link of the hash chain for each call that posted anything.
create table ledger_batch (
  id             bigint not null primary key,   -- 1, 2, 3 …
  first_transfer bigint not null,
  last_transfer  bigint not null,
  transfers      int    not null,
  hash           bytea  not null                -- SHA-256 of the hash before, the id and each transfer's line
);

-- One row: whoever posts holds it to the end of his transaction, so that posting has one order.
create table ledger_head (
  single        bool   not null primary key default true check (single),
  batch         bigint not null,
  last_transfer bigint not null,
  hash          bytea  not null
);
insert into ledger_head values (true, 0, 0, '\x');

-- What was taken back of a transfer.
create table ledger_reversal (
  original bigint not null primary key,
  amount   numeric(78, 0) not null,
  reversed numeric(78, 0) not null,
  constraint ledger_reversal_within check (reversed <= amount)
);

-- Quarantine: a key that came again with another content. Nothing of it was posted.
create table ledger_conflict (
  key          uuid   not null,
  hash         uuid   not null,
  transfer     bigint not null,                 -- the one that has the key
  key_text     text   not null,
  posting      text   not null,                 -- JSON of what was asked
  first_at     bigint not null,
  last_at      bigint not null,
  times        int    not null default 1,
  primary key (key, hash)
);

-- A month that lies in a file and no longer here.
create table ledger_archive (
  month       int    not null primary key,      -- 202611
  transfers   bigint not null,
  entries     bigint not null,
  first_batch bigint not null,
  last_batch  bigint not null,
  file        text   not null,
  sha256      text   not null,                  -- of the file
  archived_at bigint not null
);

create function ledger_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger only grows: % of % is refused', lower(tg_op), tg_table_name
    using errcode = 'ML001';
end $$;

-- Rows by a trigger that partitions inherit; truncating by one of each table's own.
create function ledger_seal(p_table text) returns void language plpgsql as $$
begin
  execute format('create trigger only_grows before truncate on %I execute function ledger_refuse()', p_table);
  execute format('revoke update, delete, truncate on %I from public, current_user', p_table);
end $$;

do $$
declare
  v_table text;
begin
  for i in 0..15 loop
    v_table := 'ledger_key_' || i;
    execute format('create table %I partition of ledger_key for values with (modulus 16, remainder %s)', v_table, i);
    perform ledger_seal(v_table);
  end loop;
  foreach v_table in array array['ledger_key', 'ledger_transfer', 'ledger_entry', 'ledger_batch'] loop
    perform ledger_seal(v_table);
    execute format('create trigger stays before update or delete on %I for each row
                    execute function ledger_refuse()', v_table);
  end loop;
end $$;

create function ledger_month(p_at bigint) returns timestamp language sql immutable as $$
  select date_trunc('month', to_timestamp(p_at) at time zone 'UTC')
$$;

-- The partitions of the month of that second and of so many after it; how many were missing.
create function ledger_make_months(p_at bigint, p_ahead int) returns int language plpgsql as $$
declare
  v_from  timestamp;
  v_name  text;
  v_range text;
  v_made  int := 0;
begin
  perform 1 from ledger_head for update;
  for i in 0..p_ahead loop
    v_from := ledger_month(p_at) + make_interval(months => i);
    v_name := to_char(v_from, 'YYYYMM');
    continue when to_regclass('ledger_transfer_' || v_name) is not null
      or exists (select from ledger_archive where month = v_name::int);
    v_range := format('for values from (%s) to (%s)',
      extract(epoch from v_from)::bigint << 20,
      extract(epoch from v_from + interval '1 month')::bigint << 20);
    execute format('create table %I partition of ledger_transfer %s', 'ledger_transfer_' || v_name, v_range);
    execute format('create table %I partition of ledger_entry %s', 'ledger_entry_' || v_name, v_range);
    execute format('create unique index on %I (account, seq)', 'ledger_entry_' || v_name);
    perform ledger_seal('ledger_transfer_' || v_name);
    perform ledger_seal('ledger_entry_' || v_name);
    v_made := v_made + 1;
  end loop;
  return v_made;
end $$;

create function ledger_account_ids(p_in jsonb) returns json language sql volatile as $$
  select coalesce(json_agg(json_build_array(a.id, a.asset) order by w.n), '[]')
    from rows from (
           jsonb_array_elements_text(p_in->'of'), jsonb_array_elements_text(p_in->'names')
         ) with ordinality w (of, name, n)
    join ledger_asset s on s.caip = p_in->'assets'->>w.of::int
    join ledger_account a on a.name = w.name and a.asset = s.id
$$;

-- [account, asset] ids of the named accounts in the order asked, made where they are missing: {"assets": [..] of caip,
-- "of": [..] index into assets from 0, "names": [..], "floors": [..] min_balance or null}.
create function ledger_accounts(p_input text) returns text language plpgsql
set jit = off set enable_seqscan = off as $$
declare
  v_in  jsonb := p_input::jsonb;
  v_ids json := ledger_account_ids(v_in);
begin
  if json_array_length(v_ids) = jsonb_array_length(v_in->'names') then
    return v_ids;
  end if;
  -- The same order of locks for all, or two who make accounts wait for each other.
  perform 1 from ledger_head for update;
  insert into ledger_asset (caip)
  select w.caip from jsonb_array_elements_text(v_in->'assets') w (caip)
   where not exists (select from ledger_asset a where a.caip = w.caip)
  on conflict do nothing;
  insert into ledger_account (asset, name, min_balance)
  select distinct s.id, w.name, w.min_balance::numeric
    from rows from (
           jsonb_array_elements_text(v_in->'of'), jsonb_array_elements_text(v_in->'names'),
           jsonb_array_elements_text(v_in->'floors')
         ) w (of, name, min_balance)
    join ledger_asset s on s.caip = v_in->'assets'->>w.of::int
   where not exists (select from ledger_account a where a.name = w.name and a.asset = s.id)
  on conflict do nothing;
  return ledger_account_ids(v_in);
end $$;

-- Columns of equal length, as array literals where they are numbers and as JSON arrays where they are text:
-- {"at", "keys", "hashes", "debits", "credits", "assets", "amounts", "effective", "codes", "texts",
--  "reverses"?, "reasons"?}. One text, because the embedded store takes longer for every further parameter.
-- Answers {"posted": n, "others": [[index, "duplicate" | "conflict"] …]}, or {"refused": constraint} and then
-- nothing of it happened: the caller asks again with less.
create function ledger_post(p_input text) returns text language plpgsql
set jit = off set enable_seqscan = off as $$
declare
  v_in         jsonb := p_input::jsonb;
  v_rows       int := jsonb_array_length(v_in->'texts');
  v_head       ledger_head;
  v_at         bigint;
  v_base       bigint;
  v_posted     int;
  v_sides      int;
  v_last       bigint;
  v_first      bigint;
  v_lines      text;
  v_others     text := '[]';
  v_constraint text;
begin
  select * into v_head from ledger_head for update;
  -- Time never goes back here, whatever was done to the clock; a second has room for 2^20 transfers.
  v_at := greatest((v_in->>'at')::bigint, v_head.last_transfer >> 20);
  v_base := greatest(v_head.last_transfer, v_at << 20);
  if (v_base + v_rows) >> 20 > v_at then
    v_at := v_at + 1;
    v_base := v_at << 20;
  end if;
  if to_regclass('ledger_transfer_' || to_char(ledger_month(v_at), 'YYYYMM')) is null then
    perform ledger_make_months(v_at, 0);
  end if;

  begin
    with input as materialized (
      select v_base + n as id, w.*
        from rows from (
               unnest((v_in->>'keys')::uuid[]), unnest((v_in->>'hashes')::uuid[]),
               unnest((v_in->>'debits')::int[]), unnest((v_in->>'credits')::int[]),
               unnest((v_in->>'assets')::int[]), unnest((v_in->>'amounts')::numeric[]),
               unnest((v_in->>'effective')::bigint[]), unnest((v_in->>'reverses')::uuid[]),
               jsonb_array_elements_text(v_in->'codes'), jsonb_array_elements_text(v_in->'texts'),
               jsonb_array_elements_text(v_in->'reasons')
             ) with ordinality
               w (key, hash, debit, credit, asset, amount, effective_at, reverses, code, text, reason, n)
    ), fresh as (
      insert into ledger_key select key, hash, id from input
      on conflict do nothing returning transfer
    ), posted as materialized (
      select input.* from input join fresh on fresh.transfer = input.id
    ), transfers as (
      insert into ledger_transfer
      select id, effective_at, debit, credit, asset, amount, code, text, reverses, reason from posted
    ), leg as materialized (
      select id, debit as account, asset, -amount as amount from posted
      union all select id, credit, asset, amount from posted
    ), opened as (
      update ledger_account a set balance = a.balance + d.amount, version = a.version + d.entries
        from (select account, min(asset) as asset, max(asset) as other, sum(amount) as amount, count(*) as entries
                from leg group by account) d
       where a.id = d.account and a.asset = d.asset and a.asset = d.other
      returning a.id, a.balance - d.amount as balance, a.version - d.entries as version, d.entries
    ), entries as (
      insert into ledger_entry
      select leg.id, opened.version + row_number() over w, leg.account, leg.amount,
             opened.balance + sum(leg.amount) over w
        from leg join opened on opened.id = leg.account
      window w as (partition by leg.account order by leg.id rows unbounded preceding)
    )
    select count(*), min(id), max(id),
           string_agg(concat_ws(E'\t', id, effective_at, debit, credit, asset, amount, code, text,
                                coalesce(reverses::text, '-'), coalesce(reason, '-')), E'\n' order by id),
           (select coalesce(sum(entries), 0) from opened)
      into v_posted, v_first, v_last, v_lines, v_sides from posted;

    if v_sides <> 2 * v_posted then
      raise exception 'an account is unknown or of another asset' using errcode = 'ML002';
    end if;

    if v_in ? 'reverses' and v_posted > 0 then
      perform ledger_take_back(v_first, v_last);
    end if;
  exception when check_violation or numeric_value_out_of_range then
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint not in ('ledger_account_limits', 'ledger_reversal_within', '') then
      raise;
    end if;
    return json_build_object('refused', v_constraint);
  end;

  if v_posted > 0 then
    v_head.batch := v_head.batch + 1;
    v_head.hash := sha256(convert_to(
      concat_ws(E'\n', encode(v_head.hash, 'hex'), v_head.batch, v_lines), 'UTF8'));
    insert into ledger_batch values (v_head.batch, v_first, v_last, v_posted, v_head.hash);
    update ledger_head set batch = v_head.batch, last_transfer = v_last, hash = v_head.hash;
  end if;
  if v_posted < v_rows then
    v_others := ledger_others(v_in, v_base, v_at);
  end if;
  return json_build_object('posted', v_posted, 'others', v_others::json);
end $$;

-- Adds up what those transfers take back. Each must be the mirror of one before it that is no reversal itself.
create function ledger_take_back(p_first bigint, p_last bigint) returns void language plpgsql as $$
declare
  v_asked bigint;
  v_known bigint;
begin
  with back as materialized (
    select b.id, b.amount, o.id as original, o.amount as whole
      from ledger_transfer b
      left join ledger_key k on k.key = b.reverses
      left join ledger_transfer o on o.id = k.transfer and o.id < b.id and o.debit = b.credit
                                 and o.credit = b.debit and o.reverses is null
     where b.id between p_first and p_last and b.reverses is not null
  ), summed as (
    insert into ledger_reversal
    select original, whole, sum(amount) from back where original is not null group by original, whole
    on conflict (original) do update set reversed = ledger_reversal.reversed + excluded.reversed
  )
  select count(*), count(original) into v_asked, v_known from back;
  if v_asked <> v_known then
    raise exception 'a reversal is no mirror of a transfer'
      using errcode = 'check_violation', constraint = 'ledger_reversal_within';
  end if;
end $$;

-- One posting of the input as a person reads it.
create function ledger_row(p_in jsonb, p_index int) returns text language sql as $$
  select json_build_object(
    'key', p_in->'texts'->>p_index,
    'debit', (select name from ledger_account where id = ((p_in->>'debits')::int[])[p_index + 1]),
    'credit', (select name from ledger_account where id = ((p_in->>'credits')::int[])[p_index + 1]),
    'asset', (select caip from ledger_asset where id = ((p_in->>'assets')::int[])[p_index + 1]),
    'amount', ((p_in->>'amounts')::numeric[])[p_index + 1]::text,
    'code', p_in->'codes'->>p_index,
    'effectiveAt', ((p_in->>'effective')::bigint[])[p_index + 1],
    'reverses', ((p_in->>'reverses')::uuid[])[p_index + 1],
    'reason', (p_in->'reasons'->>p_index)::json)
$$;

-- What was not posted: the same again, or a conflict, which goes into quarantine.
create function ledger_others(p_in jsonb, p_base bigint, p_at bigint) returns text language sql
set enable_seqscan = off as $$
  with other as materialized (
    select w.*, k.transfer, k.hash = w.hash as is_same
      from rows from (
             unnest((p_in->>'keys')::uuid[]), unnest((p_in->>'hashes')::uuid[])
           ) with ordinality w (key, hash, n)
      join ledger_key k on k.key = w.key
     where k.transfer <> p_base + w.n
  ), conflicts as (
    insert into ledger_conflict (key, hash, transfer, key_text, posting, first_at, last_at, times)
    select key, hash, transfer, p_in->'texts'->>(min(n)::int - 1), ledger_row(p_in, min(n)::int - 1),
           p_at, p_at, count(*)
      from other where not is_same group by key, hash, transfer
    on conflict (key, hash) do update
       set last_at = excluded.last_at, times = ledger_conflict.times + excluded.times
  )
  select coalesce(json_agg(json_build_array(n - 1, case when is_same then 'duplicate' else 'conflict' end)
                           order by n), '[]')
    from other
$$;
