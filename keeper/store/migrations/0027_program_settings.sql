-- owner: payouts
-- What an operator has set for a program beside what the contract knows; without a row the program's own rules hold.

create table program_setting (
  program       text   not null primary key,
  minimum       numeric(78, 0) not null,        -- in the smallest unit of the asset
  cap_per_payee numeric(78, 0),                 -- null: the most that a payment can carry
  unit          numeric(78, 0) not null,
  push_up_to    bigint,                         -- payees; above them they claim. null: as the program has it
  keeper_pays   boolean not null default false, -- claims: ranges of leaves are paid by the keeper itself
  changed_at    bigint not null,
  changed_by    text   not null,
  constraint program_setting_amounts check (minimum >= 0 and unit > 0 and cap_per_payee > 0),
  constraint program_setting_push check (push_up_to >= 0)
);
