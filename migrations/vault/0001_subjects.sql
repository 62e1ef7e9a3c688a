-- Who they were: the only tables that lead from an id to a person. Every value about one is sealed before it comes here.

-- Blocks of 4,096 key slots, taken by processes; the keys themselves stand outside every database.
CREATE TABLE IF NOT EXISTS vault.key_blocks (
    id       bigint GENERATED ALWAYS AS IDENTITY (MINVALUE 0 START 0) PRIMARY KEY, -- @operations
    taken_at timestamptz NOT NULL DEFAULT now()                                    -- @operations
);
GRANT SELECT, INSERT ON vault.key_blocks TO pipeline;

-- Where an account's own keys are: for look-ups, for suppressions, for what it seals itself. The nil account is the platform.
CREATE TABLE IF NOT EXISTS vault.account_keys (
    account_id       uuid PRIMARY KEY,                   -- @account_ref
    lookup_slot      bigint NOT NULL,                    -- @encryption_key
    suppression_slot bigint NOT NULL,                    -- @encryption_key
    seal_slot        bigint NOT NULL,                    -- @encryption_key
    made_at          timestamptz NOT NULL DEFAULT now()  -- @operations
);
GRANT SELECT, INSERT ON vault.account_keys TO pipeline;
ALTER TABLE vault.account_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.account_keys FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON vault.account_keys;
CREATE POLICY own_account ON vault.account_keys TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON vault.account_keys;
CREATE POLICY every_account ON vault.account_keys TO owner USING (true);

-- One key per account and day of expiry: when it dies, everything sealed under that day is dead.
CREATE TABLE IF NOT EXISTS vault.buckets (
    account_id uuid NOT NULL,                       -- @account_ref
    bucket     date NOT NULL,                       -- @message_fact the day after which its contents are gone
    slot       bigint NOT NULL,                     -- @encryption_key
    made_at    timestamptz NOT NULL DEFAULT now(),  -- @operations
    PRIMARY KEY (account_id, bucket)
);
GRANT SELECT, INSERT ON vault.buckets TO pipeline;
ALTER TABLE vault.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.buckets FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON vault.buckets;
CREATE POLICY own_account ON vault.buckets TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON vault.buckets;
CREATE POLICY every_account ON vault.buckets TO owner USING (true);

-- An end user's identifier on a channel, as one account knows it; once per account and mode.
CREATE TABLE IF NOT EXISTS vault.subjects (
    account_id uuid NOT NULL,                                -- @account_ref
    id         uuid NOT NULL,                                -- @subject_ref
    mode       smallint NOT NULL CHECK (mode IN (0, 1)),     -- @subject_fact 0 test, 1 live
    kind       smallint NOT NULL,                            -- @subject_fact 1 phone
    lookup     bytea NOT NULL CHECK (length(lookup) = 16),   -- @lookup_mac of kind and identifier, under the account's key
    identifier bytea NOT NULL,                               -- @sealed_identifier
    key_slot   bigint NOT NULL,                              -- @encryption_key
    country    text NOT NULL,                                -- @subject_fact
    first_seen date NOT NULL,                                -- @subject_fact
    last_seen  date NOT NULL,                                -- @subject_fact written at most once a day
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, mode, lookup)
) WITH (fillfactor = 90);
GRANT SELECT, INSERT, DELETE, UPDATE (last_seen) ON vault.subjects TO pipeline;
ALTER TABLE vault.subjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.subjects FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON vault.subjects;
CREATE POLICY own_account ON vault.subjects TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON vault.subjects;
CREATE POLICY every_account ON vault.subjects TO owner USING (true);
