-- Both unique indexes held the account, so that either could answer the other's look-ups: planned while the table was
-- young, when both cost the same, it read all of the account. A MAC is made under its account's own key, so that no
-- two accounts share one; without the account in its index there is one index that can answer each.
CREATE UNIQUE INDEX IF NOT EXISTS subjects_lookup ON vault.subjects (lookup, mode);
ALTER TABLE vault.subjects DROP CONSTRAINT IF EXISTS subjects_account_id_mode_lookup_key;
