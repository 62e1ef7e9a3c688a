-- People who sign in, apart from the accounts they work for: one person, one credential, any number of accounts.
-- Names and mail are sealed under the installation's own key. No account ever reads a credential: the role `door`
-- sees who belongs to an account and nothing of how they sign in.

-- The members there were are made anew by `up`: their mail was sealed under their account's key, which cannot be
-- changed in a statement, and no release had them.
DROP TABLE main.members;

CREATE TABLE IF NOT EXISTS main.people (
    id            uuid PRIMARY KEY,                                       -- @member_ref
    mail_mac      bytea NOT NULL UNIQUE CHECK (length(mail_mac) = 16),    -- @member_mac
    mail          bytea NOT NULL,                                         -- @sealed_member
    name          bytea,                                                  -- @sealed_person_name
    password_hash text,                                                   -- @key_hash Argon2id; null: none was set
    totp_secret   bytea,                                                  -- @sealed_secret
    totp_step     bigint NOT NULL DEFAULT 0,                              -- @member_fact the last step that was used: never twice
    confirmed_at  timestamptz,                                            -- @member_fact that the address is theirs
    created_at    timestamptz NOT NULL DEFAULT now(),                     -- @member_fact
    disabled_at   timestamptz                                             -- @member_fact
);
GRANT SELECT, INSERT, UPDATE (mail_mac, mail, name, password_hash, totp_secret, totp_step, confirmed_at, disabled_at)
   ON main.people TO pipeline;

CREATE TABLE IF NOT EXISTS main.members (
    account_id uuid NOT NULL,                                             -- @account_ref
    person_id  uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'billing', 'agent', 'privacy_officer', 'viewer')), -- @member_fact
    created_at timestamptz NOT NULL DEFAULT now(),                        -- @member_fact
    PRIMARY KEY (account_id, person_id)
);
CREATE INDEX IF NOT EXISTS members_person ON main.members (person_id);
GRANT SELECT, INSERT, DELETE, UPDATE (role) ON main.members TO door;
GRANT SELECT ON main.members TO pipeline;
ALTER TABLE main.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.members FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.members;
CREATE POLICY own_account ON main.members TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.members;
CREATE POLICY every_account ON main.members TO owner, pipeline USING (true);

-- Who is signed in where. The cookie's token is kept as a hash; where from and with what, sealed.
CREATE TABLE IF NOT EXISTS main.sessions (
    person_id  uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    id         uuid NOT NULL,                                             -- @member_ref
    account_id uuid NOT NULL,                                             -- @account_ref the account in view
    hash       bytea NOT NULL UNIQUE CHECK (length(hash) = 32),           -- @key_hash SHA-256
    place      bytea NOT NULL,                                            -- @sealed_session_place msgpack: browser, network
    factors    smallint NOT NULL,                                         -- @sign_in_fact how many were proved
    created_at timestamptz NOT NULL DEFAULT now(),                        -- @sign_in_fact
    seen_at    timestamptz NOT NULL DEFAULT now(),                        -- @sign_in_fact to the minute
    proved_at  timestamptz NOT NULL DEFAULT now(),                        -- @sign_in_fact when a credential was shown last
    ends_at    timestamptz NOT NULL,                                      -- @sign_in_fact
    PRIMARY KEY (person_id, id)
);
CREATE INDEX IF NOT EXISTS sessions_end ON main.sessions (ends_at);
GRANT SELECT, INSERT, DELETE, UPDATE (account_id, factors, seen_at, proved_at, ends_at, hash) ON main.sessions TO pipeline;

-- For who has lost the second factor. 80 random bits each need no slow hash.
CREATE TABLE IF NOT EXISTS main.recovery_codes (
    person_id uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    hash      bytea NOT NULL CHECK (length(hash) = 32),                   -- @key_hash SHA-256
    PRIMARY KEY (person_id, hash)
);
GRANT SELECT, INSERT, DELETE ON main.recovery_codes TO pipeline;

-- Wrong attempts, by the MAC of an address with a network or a known browser: what slows guessing, and nobody else.
CREATE TABLE IF NOT EXISTS main.sign_in_failures (
    mac     bytea PRIMARY KEY CHECK (length(mac) = 16), -- @sign_in_mac
    count   smallint NOT NULL,                          -- @sign_in_fact
    last_at timestamptz NOT NULL                        -- @sign_in_fact forgotten after a day
);
GRANT SELECT, INSERT, DELETE, UPDATE (count, last_at) ON main.sign_in_failures TO pipeline;
