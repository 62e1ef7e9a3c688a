-- Staff see an account's data by a grant alone: for a reason, for a time, with the account's consent.
CREATE TABLE IF NOT EXISTS main.staff_grants (
    account_id   uuid NOT NULL,                                   -- @account_ref
    id           uuid NOT NULL,                                   -- @account_fact
    person_id    uuid NOT NULL,                                   -- @member_ref of the staff
    reason       bytea NOT NULL,                                  -- @sealed_account_words
    asked_at     timestamptz NOT NULL DEFAULT now(),              -- @account_fact
    hours        smallint NOT NULL CHECK (hours BETWEEN 1 AND 72), -- @account_fact how long was asked for
    consented_by uuid,                                            -- @member_ref
    consented_at timestamptz,                                     -- @account_fact
    shows_people boolean NOT NULL DEFAULT false,                  -- @account_fact whether the account allows numbers and texts as well
    ends_at      timestamptz,                                     -- @account_fact
    ended_at     timestamptz,                                     -- @account_fact refused, withdrawn or given up: before its time
    PRIMARY KEY (account_id, id),
    CHECK ((consented_at IS NULL) = (ends_at IS NULL) AND ends_at <= consented_at + interval '72 hours')
);
CREATE INDEX IF NOT EXISTS staff_grants_person ON main.staff_grants (person_id, account_id);
GRANT SELECT, INSERT, UPDATE (ended_at) ON main.staff_grants TO pipeline;
-- Only the account itself consents.
GRANT SELECT, UPDATE (consented_by, consented_at, shows_people, ends_at, ended_at) ON main.staff_grants TO door;
ALTER TABLE main.staff_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.staff_grants FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.staff_grants;
CREATE POLICY own_account ON main.staff_grants TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.staff_grants;
CREATE POLICY every_account ON main.staff_grants TO owner, pipeline USING (true);

-- A session that looks into an account by a grant, and where it goes back to.
ALTER TABLE main.sessions ADD COLUMN IF NOT EXISTS grant_id uuid; -- @member_ref
ALTER TABLE main.sessions ADD COLUMN IF NOT EXISTS home_id uuid; -- @member_ref the account it came from
GRANT UPDATE (grant_id, home_id) ON main.sessions TO pipeline;
CREATE INDEX IF NOT EXISTS sessions_grant ON main.sessions (grant_id) WHERE grant_id IS NOT NULL;
