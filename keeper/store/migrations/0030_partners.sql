-- owner: programs/partners
-- What partners voted, and what each hour and each day gave them. The money itself is in the books (0020).

-- One row: whoever distributes holds it alone, whoever takes in votes shares it, so that each vote is wholly before a
-- distribution or after it.
create table partner_state (
  id         int    not null primary key check (id = 1),
  first_hour bigint,                                -- hours since 1970: nothing before it is ever distributed
  shadow_first_hour bigint,                         -- the same of the shadow's results
  zone       text                                   -- of the days, chosen with the first hour of either
);
insert into partner_state (id) values (1);

create table partner_vote (
  source      text   collate "C" not null,
  key         text   collate "C" not null,          -- of the source: under it no other vote is ever taken in
  partner     text   collate "C" not null,
  cc          bigint not null,
  type        text   not null,
  at          bigint not null,                      -- unix seconds
  recorded_at bigint not null,
  late        boolean not null default false,       -- its hour was distributed before it was recorded
  correction  bigint,                               -- partner_correction.id that counted it
  primary key (source, key),
  -- Sums of a billion such votes stay within an int8.
  constraint partner_vote_cc check (cc between 0 and 1000000000)
);
create index partner_vote_at on partner_vote (at);
create index partner_vote_late on partner_vote (at) where late and correction is null;

-- What came again under the key of another vote, or a rate for what is distributed: kept for a person to look at.
create table partner_conflict (
  kind     text   not null,
  source   text   collate "C" not null,
  key      text   collate "C" not null,
  asked    jsonb  not null,
  first_at bigint not null,
  last_at  bigint not null,
  times    bigint not null,
  primary key (kind, source, key),
  constraint partner_conflict_kind check (kind in ('vote', 'rate', 'ecc', 'partner'))
);

create table partner (
  id          text   collate "C" not null primary key,
  is_special  boolean not null,
  recorded_at bigint not null
);

create table partner_ecc (
  partner     text   collate "C" not null,
  day         text   collate "C" not null,          -- YYYY-MM-DD in the zone of the program
  ecc         numeric(78, 0) not null,              -- × 10^18, floored
  recorded_at bigint not null,
  primary key (partner, day)
);

create table partner_rate (
  from_at      bigint not null primary key,
  units_per_cc numeric(78, 0) not null,             -- of the token's smallest unit
  recorded_at  bigint not null
);

-- How far a source was read; it is read again from a while before.
create table partner_watermark (
  source     text   collate "C" not null,
  kind       text   not null,
  at         bigint not null,
  key        text   collate "C" not null,
  updated_at bigint not null,
  primary key (source, kind)
);

create table partner_ruleset (
  version       text   not null primary key,
  rules         jsonb  not null,
  first_used_at bigint not null
);

create table partner_hour (
  shadow       boolean not null,
  hour         bigint not null,                     -- hours since 1970
  day          text   collate "C" not null,         -- into whose pool it goes
  hour_of_day  int    not null,                     -- 0 is the first hour that begins in the day
  cc           bigint not null,
  units_per_cc numeric(78, 0) not null,
  inflow       numeric(78, 0) not null,             -- hourly + daily
  hourly       numeric(78, 0) not null,
  daily        numeric(78, 0) not null,
  carried      numeric(78, 0) not null,             -- in the pool before
  pool         numeric(78, 0) not null,             -- carried + hourly = paid + carry
  paid         numeric(78, 0) not null,
  carry        numeric(78, 0) not null,
  voters       bigint not null,
  votes        bigint not null,
  ruleset      text   not null references partner_ruleset (version),
  trace        jsonb  not null,
  -- partner_correction.id of the last one before it: in that order money left the pool.
  after_correction bigint not null default 0,
  revision     int    not null default 0,
  at           bigint not null,
  primary key (shadow, hour),
  constraint partner_hour_inflow check (inflow = hourly + daily),
  constraint partner_hour_pool check (pool = paid + carry)
);

create table partner_hour_share (
  shadow   boolean not null,
  hour     bigint not null,
  partner  text   collate "C" not null,
  position bigint not null,
  votes    bigint not null,
  cc       bigint not null,
  top10p   numeric(78, 0) not null,
  top10    numeric(78, 0) not null,
  top100   numeric(78, 0) not null,
  top1000  numeric(78, 0) not null,
  "all"    numeric(78, 0) not null,
  primary key (shadow, hour, partner)
);
create index partner_hour_share_of on partner_hour_share (partner, hour);

create table partner_day (
  shadow       boolean not null,
  day          text   collate "C" not null,
  from_at      bigint not null,                     -- [from_at, to_at)
  to_at        bigint not null,
  last_hour    bigint not null,
  inflow       numeric(78, 0) not null,             -- of its hours
  carried      numeric(78, 0) not null,
  pool         numeric(78, 0) not null,             -- carried + inflow = paid + carry, without the bonus
  paid         numeric(78, 0) not null,
  carry        numeric(78, 0) not null,
  bonus_budget numeric(78, 0) not null,
  bonus_paid   numeric(78, 0) not null,
  voters       bigint not null,
  votes        bigint not null,
  ecc_cap      numeric(78, 0) not null,             -- × 10^18, floored
  ruleset      text   not null references partner_ruleset (version),
  trace        jsonb  not null,
  -- partner_correction.id of the last one there was when this was computed: late votes that it counted are in.
  corrections  bigint not null default 0,
  revision     int    not null default 0,
  at           bigint not null,
  primary key (shadow, day),
  constraint partner_day_pool check (pool = paid + carry),
  constraint partner_day_bonus check (bonus_paid <= bonus_budget)
);

create table partner_day_share (
  shadow     boolean not null,
  day        text   collate "C" not null,
  partner    text   collate "C" not null,
  position   bigint not null,
  votes      bigint not null,
  cc         bigint not null,
  ecc        numeric(78, 0) not null,
  top10      numeric(78, 0) not null,
  top100     numeric(78, 0) not null,
  top1000    numeric(78, 0) not null,
  top10000   numeric(78, 0) not null,
  "all"      numeric(78, 0) not null,
  top10p_ecc numeric(78, 0) not null,
  top50p     numeric(78, 0) not null,
  cc_market  numeric(78, 0) not null,
  primary key (shadow, day, partner)
);
create index partner_day_share_of on partner_day_share (partner, day);

-- A period that was computed again because votes came late. What was before and after stays on record.
create table partner_correction (
  id        bigint generated always as identity primary key,
  kind      text   not null,
  period    text   collate "C" not null,            -- the hour as a number, or the day
  revision  int    not null,
  late_votes bigint not null,
  late_cc   bigint not null,
  inflow    numeric(78, 0) not null,                -- what the late votes brought to the pool of the period
  daily     numeric(78, 0) not null default 0,      -- of an hour: what they brought to its day
  before    jsonb  not null,                        -- the period's row
  after     jsonb  not null,
  at        bigint not null,
  by        text   not null,
  unique (kind, period, revision),
  constraint partner_correction_kind check (kind in ('hour', 'day'))
);

create table partner_correction_line (
  correction bigint not null references partner_correction (id),
  partner    text   collate "C" not null,
  before     jsonb,                                 -- the share's row; null: had none
  after      jsonb  not null,
  difference numeric(78, 0) not null,
  taken      numeric(78, 0) not null default 0,     -- of a difference below zero, out of what was accrued
  due        numeric(78, 0) not null default 0,     -- the rest of it: withheld from later awards
  primary key (correction, partner)
);

-- For cc_hourly of the second store: written with the hour, sent until it is there.
create table partner_outbox (
  id         bigint generated always as identity primary key,
  hour       bigint not null,
  partner    text   collate "C" not null,
  revision   int    not null,
  cc_reward  numeric(78, 0) not null,
  created_at bigint not null,
  sent_at    bigint,
  attempts   int    not null default 0,
  last_error text,
  unique (hour, partner, revision)
);
create index partner_outbox_open on partner_outbox (id) where sent_at is null;

-- The origin's names and columns, for its reports. Amounts are in the token's smallest unit.
create view reward_list_hourly as
  select partner as partner_id, position, to_timestamp(hour * 3600) as time,
         top10p, top10, top100, top1000, "all"
    from partner_hour_share where not shadow;

create view reward_list_daily as
  select partner as partner_id, position, day::date as time,
         top10, top100, top1000, top10000, "all", top10p_ecc, top50p, cc_market
    from partner_day_share where not shadow;

-- What the day has gathered so far: what the day before left, and its hours' parts.
create view reward_pool_state as
  select h.day::date as day,
         sum(h.daily) + coalesce((select d.carry from partner_day d
                                   where not d.shadow and d.day < h.day order by d.day desc limit 1), 0)
           as accumulated_daily_pool
    from partner_hour h where not h.shadow group by h.day;

create view reward_log as
  select h.day::date as reward_day, h.hour_of_day as reward_hour, h.paid as total_reward_cc,
         (h.trace #>> '{parts,0,sharers}')::bigint as top10p_count,
         (h.trace #>> '{parts,0,part}')::numeric - (h.trace #>> '{parts,0,remainder}')::numeric as top10p_amount,
         (h.trace #>> '{parts,1,sharers}')::bigint as top10_count,
         (h.trace #>> '{parts,1,part}')::numeric - (h.trace #>> '{parts,1,remainder}')::numeric as top10_amount,
         (h.trace #>> '{parts,2,sharers}')::bigint as top100_count,
         (h.trace #>> '{parts,2,part}')::numeric - (h.trace #>> '{parts,2,remainder}')::numeric as top100_amount,
         (h.trace #>> '{parts,3,sharers}')::bigint as top1000_count,
         (h.trace #>> '{parts,3,part}')::numeric - (h.trace #>> '{parts,3,remainder}')::numeric as top1000_amount,
         (h.trace #>> '{parts,4,sharers}')::bigint as all_count,
         (h.trace #>> '{parts,4,part}')::numeric - (h.trace #>> '{parts,4,remainder}')::numeric as all_amount
    from partner_hour h where not h.shadow;

create view reward_distribution_logs as
  select 'hourly' as reward_type, to_timestamp(at) as timestamp, paid as total_amount,
         jsonb_build_object('voters', voters, 'votes', votes, 'hour', hour, 'ruleset', ruleset) as user_counts,
         null::numeric as ecc_cap
    from partner_hour where not shadow
  union all
  select 'daily', to_timestamp(at), paid + bonus_paid,
         jsonb_build_object('voters', voters, 'votes', votes, 'day', day, 'ruleset', ruleset), ecc_cap
    from partner_day where not shadow;

-- As the second store has it; there it is a table (docs/partners.md).
create view cc_hourly as
  select distinct on (hour, partner) partner as partner_id, cc_reward, to_timestamp(hour * 3600) as time
    from partner_outbox order by hour, partner, revision desc;
