-- Telling customers what happened. Addresses and secrets are sealed; what is told is in main.events.

-- Where an account wants to be told. The one row with is_callback owns the secret for messages' own callback URLs.
CREATE TABLE IF NOT EXISTS main.webhook_endpoints (
    account_id      uuid NOT NULL,                                   -- @account_ref
    id              uuid NOT NULL,                                   -- @webhook_fact
    mode            smallint NOT NULL CHECK (mode IN (0, 1)),        -- @webhook_fact 0 test, 1 live
    is_callback     boolean NOT NULL DEFAULT false,                  -- @webhook_fact
    url             bytea CHECK (is_callback = (url IS NULL)),       -- @sealed_url
    event_types     text[] NOT NULL DEFAULT '{}',                    -- @webhook_fact empty: all
    description     bytea,                                           -- @sealed_url free text, sealed as well
    is_enabled      boolean NOT NULL DEFAULT true,                   -- @webhook_fact
    disabled_reason text,                                            -- @webhook_fact by_account, gone, failing
    failing_since   timestamptz,                                     -- @webhook_fact the first failure since the last success
    last_failed_at  timestamptz,                                     -- @webhook_fact
    created_at      timestamptz NOT NULL DEFAULT now(),              -- @webhook_fact
    changed_at      timestamptz NOT NULL DEFAULT now(),              -- @webhook_fact processes read again what changed
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS webhook_endpoints_callback ON main.webhook_endpoints (account_id, mode) WHERE is_callback;
GRANT SELECT, INSERT, UPDATE, DELETE ON main.webhook_endpoints TO pipeline, door;
ALTER TABLE main.webhook_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.webhook_endpoints FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.webhook_endpoints;
CREATE POLICY own_account ON main.webhook_endpoints TO door, owner
    USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);

-- What deliveries are signed with: one secret without an end, and those that a rotation left for a day.
CREATE TABLE IF NOT EXISTS main.webhook_secrets (
    account_id  uuid NOT NULL,                       -- @account_ref
    endpoint_id uuid NOT NULL,                       -- @webhook_fact
    id          uuid NOT NULL,                       -- @webhook_fact
    secret      bytea NOT NULL,                      -- @sealed_secret
    created_at  timestamptz NOT NULL DEFAULT now(),  -- @webhook_fact
    expires_at  timestamptz,                         -- @webhook_fact
    PRIMARY KEY (account_id, endpoint_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON main.webhook_secrets TO pipeline, door;
ALTER TABLE main.webhook_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.webhook_secrets FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.webhook_secrets;
CREATE POLICY own_account ON main.webhook_secrets TO door, owner
    USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);

-- What failed and is tried again, or waits because its receiver cannot keep up. The first attempt is made from memory.
CREATE TABLE IF NOT EXISTS main.webhook_retries (
    account_id  uuid NOT NULL,                               -- @account_ref
    lane_id     uuid NOT NULL,                               -- @queue_state the endpoint, or a keyed hash of a callback URL's origin
    event_id    uuid NOT NULL,                               -- @event_ref
    batch_id    uuid NOT NULL,                               -- @event_ref where the event stands in main.events
    endpoint_id uuid NOT NULL,                               -- @webhook_fact
    mode        smallint NOT NULL,                           -- @queue_state
    attempts    smallint NOT NULL,                           -- @queue_state made so far
    first_at    timestamptz NOT NULL DEFAULT now(),          -- @queue_state
    due_at      timestamptz NOT NULL,                        -- @queue_state
    lease_owner text,                                        -- @queue_state
    lease_until timestamptz NOT NULL DEFAULT '-infinity',    -- @queue_state
    PRIMARY KEY (account_id, lane_id, event_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX IF NOT EXISTS webhook_retries_due ON main.webhook_retries (account_id, lane_id, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON main.webhook_retries TO pipeline;

-- Every attempt, appended in columns: one row for an endpoint and a group of answers.
CREATE TABLE IF NOT EXISTS main.webhook_deliveries ( -- @partitions ahead=21
    account_id  uuid NOT NULL,       -- @account_ref
    id          uuid NOT NULL,       -- @webhook_fact
    mode        smallint NOT NULL,   -- @webhook_fact
    endpoint_id uuid NOT NULL,       -- @webhook_fact
    event_ids   uuid[] NOT NULL,     -- @event_ref
    codes       smallint[] NOT NULL, -- @webhook_fact HTTP statuses; below 100 why there was none
    millis      integer[] NOT NULL,  -- @webhook_fact
    attempts    smallint[] NOT NULL, -- @webhook_fact
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
GRANT SELECT, INSERT ON main.webhook_deliveries TO pipeline;
GRANT SELECT ON main.webhook_deliveries TO door;
ALTER TABLE main.webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.webhook_deliveries FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.webhook_deliveries;
CREATE POLICY own_account ON main.webhook_deliveries TO door, owner
    USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);

-- Everything since a moment, told once more: a worker goes through the events and fills the retries as there is room.
CREATE TABLE IF NOT EXISTS main.webhook_replays (
    account_id  uuid NOT NULL,                            -- @account_ref
    id          uuid NOT NULL,                            -- @webhook_fact
    mode        smallint NOT NULL,                        -- @webhook_fact
    endpoint_id uuid NOT NULL,                            -- @webhook_fact
    since       timestamptz NOT NULL,                     -- @webhook_fact
    until       timestamptz NOT NULL DEFAULT now(),       -- @webhook_fact
    until_xid   xid8 NOT NULL DEFAULT pg_snapshot_xmax(pg_current_snapshot()), -- @queue_state over once everything older is to be seen
    after_xid   xid8 NOT NULL DEFAULT '0',                -- @queue_state with after_id: the last batch that was gone through
    after_id    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- @queue_state
    queued      bigint NOT NULL DEFAULT 0,                -- @webhook_fact
    finished_at timestamptz,                              -- @webhook_fact
    lease_until timestamptz NOT NULL DEFAULT '-infinity', -- @queue_state
    PRIMARY KEY (account_id, id)
);
CREATE INDEX IF NOT EXISTS webhook_replays_open ON main.webhook_replays (account_id, id) WHERE finished_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON main.webhook_replays TO pipeline, door;
ALTER TABLE main.webhook_replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.webhook_replays FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.webhook_replays;
CREATE POLICY own_account ON main.webhook_replays TO door, owner
    USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
