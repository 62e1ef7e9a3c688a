-- Whoever comes to be a member: by signing up, by an invitation, or back in with a new credential. Each gets a link by
-- mail, of which a hash is kept; each of these rows is over within a day, an invitation within a week.

-- Our own mails on their way out, written in the transaction of what they tell of.
CREATE TABLE IF NOT EXISTS main.mails (
    id          uuid PRIMARY KEY,                       -- @passing_fact
    sealed      bytea NOT NULL,                         -- @sealed_mail msgpack: recipient, subject, text
    attempts    smallint NOT NULL DEFAULT 0,            -- @passing_fact
    due_at      timestamptz NOT NULL DEFAULT now(),     -- @passing_fact
    given_up_at timestamptz NOT NULL                    -- @passing_fact
);
CREATE INDEX IF NOT EXISTS mails_due ON main.mails (due_at);
GRANT SELECT, INSERT, DELETE, UPDATE (attempts, due_at) ON main.mails TO pipeline;

-- What was typed by somebody whose address is not confirmed: an account comes of it, or nothing stays.
CREATE TABLE IF NOT EXISTS main.sign_ups (
    id         uuid PRIMARY KEY,                                        -- @applicant_ref the person's, if they confirm
    mail_mac   bytea NOT NULL CHECK (length(mail_mac) = 16),            -- @sign_in_mac
    mail       bytea NOT NULL,                                          -- @sealed_mail
    name       bytea NOT NULL,                                          -- @sealed_applicant_name
    company    bytea NOT NULL,                                          -- @sealed_applicant_company
    job        bytea,                                                   -- @applicant_fact sealed; null: not said
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),   -- @link_hash SHA-256
    of_age_at  timestamptz NOT NULL,                                    -- @applicant_fact when they said they are 16 or older
    ends_at    timestamptz NOT NULL                                     -- @applicant_fact
);
CREATE INDEX IF NOT EXISTS sign_ups_mail ON main.sign_ups (mail_mac);
GRANT SELECT, INSERT, DELETE ON main.sign_ups TO pipeline;

ALTER TABLE main.people ADD COLUMN IF NOT EXISTS job bytea; -- @sealed_person_job what they are at their company
ALTER TABLE main.people ADD COLUMN IF NOT EXISTS of_age_at timestamptz; -- @member_fact when they said they are 16 or older

-- Who has forgotten their password.
CREATE TABLE IF NOT EXISTS main.password_resets (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),                -- @link_hash SHA-256
    person_id  uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE,      -- @applicant_ref
    ends_at    timestamptz NOT NULL                                              -- @applicant_fact
);
CREATE INDEX IF NOT EXISTS password_resets_person ON main.password_resets (person_id);
GRANT SELECT, INSERT, DELETE ON main.password_resets TO pipeline;

-- Whom an account has asked to join it. The address is sealed under the account's key, and found by its MAC.
CREATE TABLE IF NOT EXISTS main.invitations (
    account_id uuid NOT NULL,                                           -- @account_ref
    id         uuid NOT NULL,                                           -- @applicant_ref
    mail_mac   bytea NOT NULL CHECK (length(mail_mac) = 16),            -- @sign_in_mac
    mail       bytea NOT NULL,                                          -- @sealed_invited
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'billing', 'agent', 'privacy_officer', 'viewer')), -- @applicant_fact
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),   -- @link_hash SHA-256
    is_mailed  boolean NOT NULL,                                        -- @applicant_fact else its link was shown to who invited
    invited_by uuid NOT NULL,                                           -- @member_ref
    created_at timestamptz NOT NULL DEFAULT now(),                      -- @applicant_fact
    ends_at    timestamptz NOT NULL,                                    -- @applicant_fact
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, mail_mac)
);
GRANT SELECT, INSERT, DELETE, UPDATE (role, token_hash, is_mailed, invited_by, created_at, ends_at) ON main.invitations TO door;
GRANT SELECT, DELETE ON main.invitations TO pipeline;
ALTER TABLE main.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.invitations FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.invitations;
CREATE POLICY own_account ON main.invitations TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.invitations;
CREATE POLICY every_account ON main.invitations TO owner, pipeline USING (true);
GRANT INSERT ON main.mails TO door; -- an invitation and its mail are one transaction

-- Who accepts becomes a person and a member in one transaction. Accounts are still made by `owner` alone.
GRANT INSERT ON main.members TO pipeline;
