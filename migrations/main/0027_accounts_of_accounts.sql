-- An account may have accounts of its own, one level deep. Who belongs to the parent belongs to each of them, in the role
-- they have there: computed with each request, written nowhere. Row level security knows nothing of it: one account at a time.
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS parent_id uuid REFERENCES main.accounts (id) CHECK (parent_id <> id); -- @account_ref
CREATE INDEX IF NOT EXISTS accounts_parent ON main.accounts (parent_id) WHERE parent_id IS NOT NULL;
GRANT SELECT (created_at, parent_id) ON main.accounts TO pipeline;
