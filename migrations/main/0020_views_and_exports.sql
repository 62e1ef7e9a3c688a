-- Lists of messages that a member has given a name. No number is kept in them: it would outlive whose it is.
CREATE TABLE IF NOT EXISTS main.saved_views (
    account_id uuid NOT NULL,                      -- @account_ref
    person_id  uuid NOT NULL,                      -- @member_ref
    id         uuid NOT NULL,                      -- @member_ref
    name       bytea NOT NULL,                     -- @sealed_term_reason
    query      bytea NOT NULL,                     -- @sealed_term_reason the filters, as in the address
    created_at timestamptz NOT NULL DEFAULT now(), -- @member_fact
    PRIMARY KEY (account_id, person_id, id),
    FOREIGN KEY (account_id, person_id) REFERENCES main.members (account_id, person_id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE, UPDATE (name) ON main.saved_views TO door;
ALTER TABLE main.saved_views ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.saved_views FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.saved_views;
CREATE POLICY own_account ON main.saved_views TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.saved_views;
CREATE POLICY every_account ON main.saved_views TO owner, pipeline USING (true);

-- Lists that a member takes away: written by a worker into a sealed file, gone after a day. The file opens with `key`
-- alone, so nulling it ends the file at once, wherever it lies.
CREATE TABLE IF NOT EXISTS main.message_exports (
    account_id    uuid NOT NULL,                            -- @account_ref
    person_id     uuid NOT NULL,                            -- @member_ref
    id            uuid NOT NULL,                            -- @member_ref
    mode          smallint NOT NULL,                        -- @queue_state
    format        text NOT NULL CHECK (format IN ('csv', 'jsonl')), -- @queue_state
    with_subjects boolean NOT NULL,                         -- @queue_state
    with_bodies   boolean NOT NULL,                         -- @queue_state
    is_personal   boolean NOT NULL,                         -- @queue_state somebody can be told in it
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed', 'ended')), -- @queue_state
    query         bytea,                                    -- @sealed_question null once ended
    key           bytea,                                    -- @encryption_key sealed under the account's; null once ended
    done          integer NOT NULL DEFAULT 0,               -- @queue_state messages written
    reached       timestamptz,                              -- @queue_state how far back
    is_cut        boolean NOT NULL DEFAULT false,           -- @queue_state there were more than it may hold
    created_at    timestamptz NOT NULL,                     -- @queue_state
    ends_at       timestamptz NOT NULL,                     -- @queue_state
    lease_until   timestamptz NOT NULL DEFAULT '-infinity', -- @queue_state
    PRIMARY KEY (account_id, person_id, id),
    FOREIGN KEY (account_id, person_id) REFERENCES main.members (account_id, person_id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS message_exports_end ON main.message_exports (ends_at);
GRANT SELECT, INSERT, DELETE, UPDATE (state, query, key) ON main.message_exports TO door;
GRANT SELECT, DELETE, UPDATE (state, query, key, done, reached, is_cut, lease_until) ON main.message_exports TO pipeline;
ALTER TABLE main.message_exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.message_exports FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.message_exports;
CREATE POLICY own_account ON main.message_exports TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.message_exports;
CREATE POLICY every_account ON main.message_exports TO owner, pipeline USING (true);
