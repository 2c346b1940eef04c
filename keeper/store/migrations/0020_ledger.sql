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
  -- Before what has no fixed length: each update compares it, since it has an index.
  name        text collate "C" not null,        -- expense:manual, accrued:manual:<payee>
  balance     numeric(78, 0) not null default 0,
  min_balance numeric(78, 0),                   -- null: no limit, and then the comparison is null and no violation
  max_balance numeric(78, 0),
  constraint ledger_account_named unique (name, asset),
  constraint ledger_account_limits check (balance >= min_balance and balance <= max_balance)
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

-- One text of columns that are parted by U+001E: at, keys, hashes, debits, credits, assets, amounts, effective,
-- reverses (empty when there is none), codes, texts, reasons. The first nine are array literals, the others are parted
-- by U+001F. No field has a control character. (JSON takes twice as long to read, and the embedded store longer for
-- every further parameter.) Answers {"posted": n, "others": [[index, "duplicate" | "conflict"] …]}, or
-- {"refused": constraint} and then nothing of it happened: the caller asks again with less.
create function ledger_post(p_input text) returns text language plpgsql
set jit = off set plan_cache_mode = force_generic_plan
-- Plans outlive the day on which a table was small: none may read a whole one.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_in         text[] := string_to_array(p_input, E'\x1e');
  v_keys       uuid[] := v_in[2]::uuid[];
  v_hashes     uuid[] := v_in[3]::uuid[];
  v_debits     int[] := v_in[4]::int[];
  v_credits    int[] := v_in[5]::int[];
  v_assets     int[] := v_in[6]::int[];
  v_amounts    numeric[] := v_in[7]::numeric[];
  v_effective  bigint[] := v_in[8]::bigint[];
  v_reverses   uuid[] := nullif(v_in[9], '')::uuid[];
  v_codes      text[] := string_to_array(v_in[10], E'\x1f');
  v_texts      text[] := string_to_array(v_in[11], E'\x1f');
  v_reasons    text[] := string_to_array(v_in[12], E'\x1f', '');
  v_rows       int := cardinality(v_keys);
  v_fresh      bool[];                          -- null while nothing says that a key was posted before
  v_head       ledger_head;
  v_at         bigint;
  v_base       bigint;
  v_posted     int;
  v_sides      int;
  v_last       bigint;
  v_first      bigint;
  v_lines      text;
  v_others     text := '[]';
  v_table      text;
  v_constraint text;
begin
  select * into v_head from ledger_head for update;
  -- Time never goes back here, whatever was done to the clock; a second has room for 2^20 transfers.
  v_at := greatest(v_in[1]::bigint, v_head.last_transfer >> 20);
  v_base := greatest(v_head.last_transfer, v_at << 20);
  if (v_base + v_rows) >> 20 > v_at then
    v_at := v_at + 1;
    v_base := v_at << 20;
  end if;
  if to_regclass('ledger_transfer_' || to_char(ledger_month(v_at), 'YYYYMM')) is null then
    perform ledger_make_months(v_at, 0);
  end if;

  loop
    begin
      -- As if each were new: to look first takes as long as the whole insert, and old ones are rare.
      insert into ledger_key
      select v_keys[n], v_hashes[n], v_base + n
        from generate_series(1, v_rows) n where v_fresh is null or v_fresh[n];

      insert into ledger_transfer
      select v_base + n, v_effective[n], v_debits[n], v_credits[n], v_assets[n], v_amounts[n], v_codes[n],
             v_texts[n], v_reverses[n], v_reasons[n]
        from generate_series(1, v_rows) n where v_fresh is null or v_fresh[n];

      with leg as materialized (
        select v_base + n as id, v_debits[n] as account, v_assets[n] as asset, -v_amounts[n] as amount
          from generate_series(1, v_rows) n where v_fresh is null or v_fresh[n]
        union all
        select v_base + n, v_credits[n], v_assets[n], v_amounts[n]
          from generate_series(1, v_rows) n where v_fresh is null or v_fresh[n]
      ), opened as (
        update ledger_account a set balance = a.balance + d.amount, version = a.version + d.entries
          from (select account, asset, sum(amount) as amount, count(*) as entries
                  from leg group by account, asset) d
         where a.id = d.account and a.asset = d.asset
        returning a.id, a.balance - d.amount as balance, a.version - d.entries as version, d.entries
      ), entries as (
        insert into ledger_entry
        select id, version + n - 1, account, amount, balance
          from (
            -- What an account had comes before its legs and opens their sum.
            select id, account, amount, row_number() over w as n, first_value(version) over w as version,
                   sum(amount) over w as balance
              from (
                select id, account, amount, null::bigint as version from leg
                union all
                select 0, id, balance, version from opened
              ) side
            window w as (partition by account order by id rows unbounded preceding)
          ) running
         where id > 0
      )
      select coalesce(sum(entries), 0) into v_sides from opened;

      select count(*), min(id), max(id), string_agg(line, E'\n')
        into v_posted, v_first, v_last, v_lines
        from (
          select v_base + n as id,
                 concat_ws(E'\t', v_base + n, v_effective[n], v_debits[n], v_credits[n], v_assets[n], v_amounts[n],
                           v_codes[n], v_texts[n], coalesce(v_reverses[n]::text, '-'),
                           coalesce(v_reasons[n], '-')) as line
            from generate_series(1, v_rows) n where v_fresh is null or v_fresh[n] order by n
        ) w;

      if v_sides <> 2 * v_posted then
        raise exception 'an account is unknown or of another asset' using errcode = 'ML002';
      end if;

      if v_reverses is not null and v_posted > 0 then
        perform ledger_take_back(v_first, v_last);
      end if;
      exit;
    exception
      when unique_violation then
        get stacked diagnostics v_table = table_name;
        if v_fresh is not null or not starts_with(v_table, 'ledger_key') then
          raise;
        end if;
        v_fresh := ledger_fresh(v_keys);
      when check_violation or numeric_value_out_of_range then
        get stacked diagnostics v_constraint = constraint_name;
        if v_constraint not in ('ledger_account_limits', 'ledger_reversal_within', '') then
          raise;
        end if;
        return json_build_object('refused', v_constraint);
    end;
  end loop;

  if v_posted > 0 then
    v_head.batch := v_head.batch + 1;
    v_head.hash := sha256(convert_to(
      concat_ws(E'\n', encode(v_head.hash, 'hex'), v_head.batch, v_lines), 'UTF8'));
    insert into ledger_batch values (v_head.batch, v_first, v_last, v_posted, v_head.hash);
    update ledger_head set batch = v_head.batch, last_transfer = v_last, hash = v_head.hash;
  end if;
  if v_posted < v_rows then
    v_others := ledger_others(v_in, v_fresh, v_at);
  end if;
  return json_build_object('posted', v_posted, 'others', v_others::json);
end $$;

-- Which of them are not in the books, and the first of their like among those.
create function ledger_fresh(p_keys uuid[]) returns bool[] language sql as $$
  select array_agg(k.key is null and w.n = w.first order by w.n)
    from (select key, n, min(n) over (partition by key) as first
            from unnest(p_keys) with ordinality as asked (key, n)) w
    left join ledger_key k on k.key = w.key
$$;

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
create function ledger_row(p_in text[], p_n bigint) returns text language sql as $$
  select json_build_object(
    'key', (string_to_array(p_in[11], E'\x1f'))[p_n],
    'debit', (select name from ledger_account where id = (p_in[4]::int[])[p_n]),
    'credit', (select name from ledger_account where id = (p_in[5]::int[])[p_n]),
    'asset', (select caip from ledger_asset where id = (p_in[6]::int[])[p_n]),
    'amount', (p_in[7]::numeric[])[p_n]::text,
    'code', (string_to_array(p_in[10], E'\x1f'))[p_n],
    'effectiveAt', (p_in[8]::bigint[])[p_n],
    'reverses', (nullif(p_in[9], '')::uuid[])[p_n],
    'reason', (string_to_array(p_in[12], E'\x1f', ''))[p_n]::json)
$$;

-- What was not posted: the same again, or a conflict, which goes into quarantine.
create function ledger_others(p_in text[], p_fresh bool[], p_at bigint) returns text language sql as $$
  with other as materialized (
    select w.*, k.transfer, k.hash = w.hash as is_same
      from rows from (unnest(p_in[2]::uuid[]), unnest(p_in[3]::uuid[])) with ordinality w (key, hash, n)
      join ledger_key k on k.key = w.key
     where not p_fresh[w.n]
  ), conflicts as (
    insert into ledger_conflict (key, hash, transfer, key_text, posting, first_at, last_at, times)
    select key, hash, transfer, (string_to_array(p_in[11], E'\x1f'))[min(n)], ledger_row(p_in, min(n)),
           p_at, p_at, count(*)
      from other where not is_same group by key, hash, transfer
    on conflict (key, hash) do update
       set last_at = excluded.last_at, times = ledger_conflict.times + excluded.times
  )
  select coalesce(json_agg(json_build_array(n - 1, case when is_same then 'duplicate' else 'conflict' end)
                           order by n), '[]')
    from other
$$;
