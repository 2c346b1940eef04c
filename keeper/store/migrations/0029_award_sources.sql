-- owner: payouts
-- Which account an award comes from, and awards that are taken back from what is accrued.

alter table payout_accrual add column source text;   -- null: the program's expense
alter table payout_accrual drop constraint payout_accrual_amount;
alter table payout_accrual add constraint payout_accrual_amount check (amount <> 0);
