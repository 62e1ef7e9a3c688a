-- What people ask of an account about themselves, and how far the journal of erasures has been applied to these databases.

-- One row for each request. What leads to the person (look-up, subjects, key slots) is emptied when an erasure is done.
CREATE TABLE IF NOT EXISTS main.privacy_requests (
    account_id      uuid NOT NULL,                                   -- @account_ref
    id              uuid NOT NULL,                                   -- @request_fact
    mode            smallint NOT NULL CHECK (mode IN (0, 1)),        -- @request_fact 0 test, 1 live
    type            text NOT NULL CHECK (type IN ('access', 'erase', 'rectify', 'restrict', 'object', 'export', 'withdraw')), -- @request_fact
    status          text NOT NULL CHECK (status IN ('awaiting_approval', 'in_grace', 'on_hold', 'erasing', 'processing', 'completed', 'canceled', 'rejected')), -- @request_fact
    outcome         text,                                            -- @request_fact why it was rejected or waits
    is_lift         boolean NOT NULL DEFAULT false,                  -- @request_fact a restriction is to be lifted
    reason          bytea,                                           -- @sealed_context in the account's words
    asked_by        uuid,                                            -- @key_fact the API key; null: the operator, or a replay
    approved_by     uuid,                                            -- @key_fact another API key
    grace_hours     smallint NOT NULL DEFAULT 0,                     -- @request_fact
    grace_until     timestamptz,                                     -- @request_fact
    created_at      timestamptz NOT NULL DEFAULT now(),              -- @request_fact
    due_at          timestamptz NOT NULL,                            -- @request_fact the term the law sets
    unreadable_at   timestamptz,                                     -- @request_fact since when nobody can open the person
    completed_at    timestamptz,                                     -- @request_fact
    lookup          bytea,                                           -- @lookup_mac
    mac             bytea,                                           -- @standing_mac
    subject_ids     uuid[] NOT NULL DEFAULT '{}',                    -- @subject_ref
    key_slots       bigint[] NOT NULL DEFAULT '{}',                  -- @subject_key
    key_mac         bytea,                                           -- @idempotency for a day
    body_mac        bytea,                                           -- @idempotency for a day
    done            bigint,                                          -- @request_fact of a package: messages written so far
    total           bigint,                                          -- @request_fact and how many there are
    receipt         bytea,                                           -- @request_fact signed; names nobody
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',        -- @queue_state
    PRIMARY KEY (account_id, id)
);
CREATE INDEX IF NOT EXISTS privacy_requests_open ON main.privacy_requests (lease_until)
    WHERE status IN ('in_grace', 'on_hold', 'erasing', 'processing');
CREATE INDEX IF NOT EXISTS privacy_requests_mac ON main.privacy_requests (mac) WHERE mac IS NOT NULL;
CREATE INDEX IF NOT EXISTS privacy_requests_keys ON main.privacy_requests (created_at) WHERE key_mac IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON main.privacy_requests TO pipeline;
GRANT SELECT, INSERT, UPDATE ON main.privacy_requests TO door;
ALTER TABLE main.privacy_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.privacy_requests FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.privacy_requests;
CREATE POLICY own_account ON main.privacy_requests TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.privacy_requests;
CREATE POLICY every_account ON main.privacy_requests TO owner USING (true);

-- Who of the staff was the second person for an erasure. A table of its own: members and end users never stand in one row.
CREATE TABLE IF NOT EXISTS main.request_approvals (
    account_id uuid NOT NULL,                      -- @account_ref
    request_id uuid NOT NULL,                      -- @request_fact
    approver   bytea NOT NULL,                     -- @sealed_staff
    at         timestamptz NOT NULL DEFAULT now(), -- @audit_fact
    PRIMARY KEY (account_id, request_id)
);
GRANT SELECT, INSERT ON main.request_approvals TO pipeline;
ALTER TABLE main.request_approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.request_approvals FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS every_account ON main.request_approvals;
CREATE POLICY every_account ON main.request_approvals TO owner USING (true);

-- Entries that the journal must get: written in the transaction they tell of, gone when they stand in the journal.
CREATE TABLE IF NOT EXISTS main.journal_intents (
    account_id uuid NOT NULL,  -- @account_ref
    id         uuid NOT NULL,  -- @request_fact
    entry      bytea NOT NULL, -- @standing_mac msgpack: kind, subjects, key slots, MAC
    PRIMARY KEY (account_id, id)
);
GRANT SELECT, INSERT, DELETE ON main.journal_intents TO pipeline;
GRANT INSERT ON main.journal_intents TO door;
ALTER TABLE main.journal_intents ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.journal_intents FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.journal_intents;
CREATE POLICY own_account ON main.journal_intents TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.journal_intents;
CREATE POLICY every_account ON main.journal_intents TO owner USING (true);

-- The last entry of the journal whose effect is in these databases. Older than the journal: nobody may be served.
CREATE TABLE IF NOT EXISTS main.journal_head (
    id           smallint PRIMARY KEY CHECK (id = 1),     -- @operations
    applied_head bigint NOT NULL CHECK (applied_head >= 0), -- @operations
    hash         bytea NOT NULL CHECK (length(hash) = 32) -- @operations
) WITH (fillfactor = 50);
INSERT INTO main.journal_head (id, applied_head, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT (id) DO NOTHING;
GRANT SELECT, UPDATE (applied_head, hash) ON main.journal_head TO pipeline;

-- What receipts are signed with; sealed under the installation's own key.
CREATE TABLE IF NOT EXISTS main.receipt_keys (
    id      uuid PRIMARY KEY,                   -- @operations
    is_only boolean NOT NULL DEFAULT true UNIQUE CHECK (is_only), -- @operations
    public  bytea NOT NULL CHECK (length(public) = 32), -- @operations
    secret  bytea NOT NULL,                     -- @sealed_secret
    made_at timestamptz NOT NULL DEFAULT now()  -- @operations
);
GRANT SELECT, INSERT ON main.receipt_keys TO pipeline;
GRANT SELECT (id, public, made_at) ON main.receipt_keys TO door;

-- How long a carrier keeps what it transported, by its contract; null: nobody has said. Receipts name it.
ALTER TABLE main.carriers ADD COLUMN IF NOT EXISTS keeps_days integer CHECK (keeps_days BETWEEN 0 AND 36500); -- @carrier_config
