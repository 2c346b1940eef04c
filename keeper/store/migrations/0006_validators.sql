-- owner: validators
-- Z-54: what each job did, to whom, and the transaction that did it.
create table action_log (
  id         bigint generated always as identity primary key,
  job        text   not null,
  trigger    text   not null,              -- schedule, manual, replay
  action     text   not null,
  targets    jsonb  not null default '[]',
  tx_hash    text,
  status     text   not null check (status in ('started', 'done', 'failed', 'skipped')),
  error      text,
  created_at bigint not null
);

create index action_log_recent on action_log (created_at, id);
