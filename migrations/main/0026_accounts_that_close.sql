-- An account that is being closed: its keys open nothing, its members may read and undo, and then it is forgotten.
-- And what an account settles of the console: from which networks it is opened, and what its new keys are for.
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS closing_at timestamptz; -- @account_fact when it was asked
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS closes_at timestamptz CHECK ((closes_at IS NULL) = (closing_at IS NULL)); -- @account_fact when everything of it is forgotten
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS console_networks bytea; -- @sealed_setting msgpack: CIDRs; null: any
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS default_purpose text NOT NULL DEFAULT 'transactional' CHECK (default_purpose IN ('otp', 'transactional', 'service', 'marketing', 'emergency')); -- @account_setting of keys made in the console
CREATE INDEX IF NOT EXISTS accounts_closing ON main.accounts (closes_at) WHERE closes_at IS NOT NULL;
-- After a restore the journal says which accounts are gone: `pipeline` ends their grace, `owner` does the rest.
GRANT SELECT (closing_at, closes_at), UPDATE (closing_at, closes_at) ON main.accounts TO pipeline;
GRANT UPDATE (closing_at, closes_at, console_networks, default_purpose) ON main.accounts TO door;
