-- What must be kept although its term is over or its person asked to be forgotten: a copy under a key of its own, so
-- that everything else still ends on time.

-- One row for each hold: why, by whose authority and who answers for it stand sealed in `words`.
CREATE TABLE IF NOT EXISTS main.holds (
    account_id uuid NOT NULL,                      -- @account_ref
    id         uuid NOT NULL,                      -- @hold_fact
    key_slot   bigint NOT NULL,                    -- @hold_key everything of the hold is sealed under it
    words      bytea NOT NULL,                     -- @sealed_hold_words msgpack: reason, authority, owner
    placed_at  timestamptz NOT NULL DEFAULT now(), -- @hold_fact
    review_at  timestamptz NOT NULL,               -- @hold_fact at most 90 days after it was placed or reviewed
    PRIMARY KEY (account_id, id)
);
GRANT SELECT, INSERT, DELETE, UPDATE (review_at) ON main.holds TO pipeline;
GRANT SELECT ON main.holds TO door;
ALTER TABLE main.holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.holds FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.holds;
CREATE POLICY own_account ON main.holds TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.holds;
CREATE POLICY every_account ON main.holds TO owner, pipeline USING (true);

-- Whom a hold is about.
CREATE TABLE IF NOT EXISTS main.held_subjects (
    account_id uuid NOT NULL, -- @account_ref
    hold_id    uuid NOT NULL, -- @held_ref
    subject_id uuid NOT NULL, -- @held_ref
    PRIMARY KEY (account_id, hold_id, subject_id)
);
CREATE INDEX IF NOT EXISTS held_subjects_subject ON main.held_subjects (subject_id);
GRANT SELECT, INSERT, DELETE ON main.held_subjects TO pipeline;
GRANT SELECT ON main.held_subjects TO door;
ALTER TABLE main.held_subjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.held_subjects FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.held_subjects;
CREATE POLICY own_account ON main.held_subjects TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.held_subjects;
CREATE POLICY every_account ON main.held_subjects TO owner, pipeline USING (true);

-- The copies. No door leads to them.
CREATE TABLE IF NOT EXISTS main.held_items (
    account_id uuid NOT NULL,    -- @account_ref
    hold_id    uuid NOT NULL,    -- @held_ref
    subject_id uuid NOT NULL,    -- @held_ref
    id         uuid NOT NULL,    -- @held_ref the message's; of an identifier, the subject's
    has_text   boolean NOT NULL, -- @hold_fact a copy with the text is not replaced by one without
    content    bytea NOT NULL,   -- @sealed_held
    PRIMARY KEY (account_id, hold_id, subject_id, id)
);
GRANT SELECT, INSERT, DELETE, UPDATE (has_text, content) ON main.held_items TO pipeline;
ALTER TABLE main.held_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.held_items FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS every_account ON main.held_items;
CREATE POLICY every_account ON main.held_items TO owner, pipeline USING (true);
