-- owner: jobs
-- What a slot was started with: a restart in the middle goes on with the same batch size, on the same chain and
-- contracts, whatever the settings say by then.
alter table job_run add column plan jsonb;
