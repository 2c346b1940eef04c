-- owner: office
-- Who may do what from outside, what was done, and the settings that are kept sealed.

-- What the holder of a token sends is never stored, only its SHA-256. A revoked one stays: the trail names it.
create table office_token (
  id         text   not null primary key,      -- the part of the token that is not secret
  name       text   not null,
  role       text   not null check (role in ('viewer', 'operator', 'finance', 'admin')),
  hash       text   not null unique,           -- SHA-256 of the whole token, hex
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint
);
create unique index office_token_name on office_token (name) where revoked_at is null;

-- Every action of an admin, each chained to the one before by its hash.
create table office_trail (
  seq       bigint not null primary key,       -- 1, 2, 3 …
  at        bigint not null,
  actor     text   not null,                   -- token:alice, or cli:root for a person at the machine
  role      text   not null,
  action    text   not null,                   -- token.add, secret.set …
  target    text   not null,
  before    text,                              -- canonical JSON, without secrets
  after     text,
  prev_hash text   not null,
  hash      text   not null
);
create index office_trail_actor on office_trail (actor, seq);
create index office_trail_action on office_trail (action, seq);
create index office_trail_at on office_trail (at, seq);

-- One row: whoever appends holds it to the end of his transaction, so that the trail has one order.
create table office_trail_head (
  single bool   not null primary key default true check (single),
  seq    bigint not null,
  hash   text   not null
);
insert into office_trail_head values (true, 0, '');

create function office_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the trail only grows: % of % is refused', lower(tg_op), tg_table_name
    using errcode = 'MO001';
end $$;
create trigger stays before update or delete on office_trail
  for each row execute function office_refuse();
create trigger only_grows before truncate on office_trail execute function office_refuse();
create trigger stays before delete on office_trail_head
  for each row execute function office_refuse();
create trigger only_grows before truncate on office_trail_head execute function office_refuse();
revoke update, delete, truncate on office_trail from public, current_user;

-- AES-256-GCM by the key of that id; the associated data is the key of the row, so that no value can be moved.
create table secure_config (
  key        text   not null primary key,
  key_id     text   not null,
  nonce      text   not null,                  -- 96 random bits, hex
  sealed     text   not null,                  -- ciphertext and tag, base64
  updated_at bigint not null,
  updated_by text   not null
);
