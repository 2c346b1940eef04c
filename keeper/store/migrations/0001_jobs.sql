-- owner: jobs
-- A slot is one due run of a scheduled job. Its row is the claim: there is one for each job and instant.
create table job_run (
  id          bigint generated always as identity primary key,
  job         text   not null,
  slot        bigint not null,             -- the slot's instant, unix seconds
  cycle       int,                         -- the cycle that the daily job settles (R-02)
  status      text   not null default 'available'
              check (status in ('available', 'running', 'completed', 'failed', 'skipped')),
  trigger     text   not null default 'schedule' check (trigger in ('schedule', 'manual', 'replay')),
  late_reason text,                        -- set when it started late or has to wait, with the reason
  attempts    int    not null default 0,
  created_at  bigint not null,
  started_at  bigint,
  finished_at bigint,
  facts       jsonb  not null default '{}',
  unique (job, slot)
);

create index job_run_open on job_run (job, slot) where status in ('available', 'running', 'failed');
