-- owner: heartbeat
-- A closed hour's set of online validators; written once and never changed.
create table snapshot (
  hour       int    primary key,           -- floor(unix / 3600)
  cycle      int    not null,
  words      text[] not null,              -- bitmap words, 256 validators each, 0x and 64 digits
  online     int    not null,
  source     text   not null,              -- where the beats came from: intake, file, replay
  created_at bigint not null
);

create index snapshot_cycle on snapshot (cycle, hour);
