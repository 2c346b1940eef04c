-- owner: office
-- A token of a system that sends what partners voted, and can do nothing else.
alter table office_token drop constraint office_token_role_check;
alter table office_token add constraint office_token_role_check
  check (role in ('viewer', 'operator', 'finance', 'admin', 'feeder'));
