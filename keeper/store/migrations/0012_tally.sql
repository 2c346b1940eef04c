-- owner: heartbeat
-- What an intake counted. An hour is written every few seconds while it is open and never again once it is
-- closed; its row stays for good, because its root is what was signed.
create table tally_hour (
  hour        int    primary key,           -- floor(unix / 3600)
  expected    int    not null default 0,    -- whole intervals in which this intake was listening
  listened_ms bigint not null default 0,
  flushed_ms  bigint not null default 0,    -- unix ms of the last write while it was open
  closed_at   bigint,                       -- null: open
  heard       boolean,                      -- null: open; false: listened too little, nobody is judged
  validators  int,
  online      int,
  told_at     bigint,                       -- whoever waits for closed hours (receipts) has taken it
  root        text,
  signature   text,
  reporter    text,
  signed_at   bigint,
  tx_hash     text                          -- the push of its snapshot
);

create index tally_hour_open on tally_hour (hour) where closed_at is null;
create index tally_hour_untold on tally_hour (hour) where heard and told_at is null;

-- Beats of a node in an hour. Each row is updated in place up to 80 times: room for that is left in its page.
create table tally (
  hour   int    not null,
  node   text   collate "C" not null,       -- lower case
  seen   int    not null,
  due_ms bigint not null default 0,         -- when the next beat is due
  online boolean,                           -- null: not decided
  primary key (hour, node)
) with (fillfactor = 60);

-- What a node last said of itself; signed_ms is the newest single signed beat, so that none counts twice.
create table node_status (
  node       text   collate "C" primary key,
  last_ms    bigint not null,
  signed_ms  bigint not null default 0,
  cpu_bps    int,
  memory_bps int,
  disk_bps   int,
  height     numeric(20, 0),
  version    text
) with (fillfactor = 60);

-- The origin's table of statistics (Z-41), column by column.
create view heartbeat_statistic as
  select t.node, t.hour, t.seen as count, t.online, h.tx_hash, h.closed_at as created
  from tally t join tally_hour h on h.hour = t.hour
  where h.heard;
