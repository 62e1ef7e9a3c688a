-- People who come in by their company's own provider: connections of accounts, the mail domains they speak for, and whom
-- a provider's subject stands for. Domains and subjects are found by MAC; what they are is sealed.
CREATE TABLE IF NOT EXISTS main.sso_connections (
    account_id   uuid NOT NULL,                                           -- @account_ref
    id           uuid NOT NULL,                                           -- @key_fact
    kind         text NOT NULL CHECK (kind IN ('oidc', 'saml')),          -- @key_fact
    settings     bytea NOT NULL,                                          -- @sealed_secret msgpack: issuer, client and its secret, or metadata
    default_role text NOT NULL CHECK (default_role IN ('admin', 'developer', 'billing', 'agent', 'privacy_officer', 'viewer')), -- @key_fact
    joins        boolean NOT NULL,                                        -- @key_fact whether who is no member yet becomes one
    is_required  boolean NOT NULL,                                        -- @key_fact whether its domains' members come in no other way
    is_unasked   boolean NOT NULL,                                        -- @key_fact whether SAML may begin at the provider
    created_at   timestamptz NOT NULL DEFAULT now(),                      -- @key_fact
    refused      text,                                                    -- @key_fact code of what was wrong last
    refused_at   timestamptz,                                             -- @key_fact
    scim_hash    bytea UNIQUE CHECK (length(scim_hash) = 32),             -- @key_hash SHA-256 of the token of provisioning
    scim_made_at timestamptz,                                             -- @key_fact
    PRIMARY KEY (account_id, id)
);
GRANT SELECT, INSERT, DELETE, UPDATE (default_role, joins, is_required, is_unasked, scim_hash, scim_made_at)
   ON main.sso_connections TO door;
GRANT SELECT, UPDATE (refused, refused_at) ON main.sso_connections TO pipeline;

CREATE TABLE IF NOT EXISTS main.sso_domains (
    account_id    uuid NOT NULL,                                          -- @account_ref
    connection_id uuid NOT NULL,                                          -- @key_fact
    mac           bytea NOT NULL CHECK (length(mac) = 16),                -- @member_mac under the installation's key: one domain, one account
    domain        bytea NOT NULL,                                         -- @sealed_account_name
    verified_at   timestamptz,                                            -- @key_fact null: claimed, and good for nothing
    created_at    timestamptz NOT NULL DEFAULT now(),                     -- @key_fact
    PRIMARY KEY (account_id, mac),
    FOREIGN KEY (account_id, connection_id) REFERENCES main.sso_connections (account_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS sso_domains_verified ON main.sso_domains (mac) WHERE verified_at IS NOT NULL;
GRANT SELECT, INSERT, DELETE, UPDATE (verified_at) ON main.sso_domains TO door;
GRANT SELECT ON main.sso_domains TO pipeline;

CREATE TABLE IF NOT EXISTS main.sso_identities (
    account_id    uuid NOT NULL,                                          -- @account_ref
    connection_id uuid NOT NULL,                                          -- @member_fact
    subject_mac   bytea NOT NULL CHECK (length(subject_mac) = 16),        -- @member_mac of the provider's own number of somebody
    person_id     uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    created_at    timestamptz NOT NULL DEFAULT now(),                     -- @member_fact
    PRIMARY KEY (account_id, connection_id, subject_mac),
    UNIQUE (account_id, connection_id, person_id),
    FOREIGN KEY (account_id, connection_id) REFERENCES main.sso_connections (account_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS sso_identities_person ON main.sso_identities (person_id);
GRANT SELECT, INSERT, DELETE ON main.sso_identities TO pipeline, door;

-- What is good once: states of sign-ins, assertions of providers. Gone when it would not be taken anyway.
CREATE TABLE IF NOT EXISTS main.sso_used (
    mac     bytea PRIMARY KEY CHECK (length(mac) = 16), -- @sign_in_mac
    ends_at timestamptz NOT NULL                        -- @sign_in_fact
);
CREATE INDEX IF NOT EXISTS sso_used_end ON main.sso_used (ends_at);
GRANT SELECT, INSERT, DELETE ON main.sso_used TO pipeline;

-- By which connection a session began: it stays in that connection's account, and changes no credential of its person.
ALTER TABLE main.sessions ADD COLUMN IF NOT EXISTS connection_id uuid; -- @sign_in_fact null: by a credential of the person's own

-- Who comes in for the first time is a person and a member in one transaction.
GRANT INSERT ON main.members TO pipeline;

-- Whoever is no member any more is signed out of that account with the same commit, whichever way it came about.
CREATE OR REPLACE FUNCTION main.member_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM main.sessions s WHERE s.person_id = OLD.person_id
       AND (s.account_id = OLD.account_id OR NOT EXISTS (SELECT FROM main.members m WHERE m.person_id = OLD.person_id));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER member_gone AFTER DELETE ON main.members FOR EACH ROW EXECUTE FUNCTION main.member_gone();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sso_connections', 'sso_domains', 'sso_identities'] LOOP
        EXECUTE format('ALTER TABLE main.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE main.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS own_account ON main.%I', name);
        EXECUTE format($p$CREATE POLICY own_account ON main.%I TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid)$p$, name);
        EXECUTE format('DROP POLICY IF EXISTS every_account ON main.%I', name);
        EXECUTE format('CREATE POLICY every_account ON main.%I TO owner, pipeline USING (true)', name);
    END LOOP;
END $$;

-- A connection acts too: what a provider's SCIM client asked for is written down as its doing.
ALTER TABLE main.audit_log DROP CONSTRAINT IF EXISTS audit_log_actor_kind_check;
ALTER TABLE main.audit_log ADD CONSTRAINT audit_log_actor_kind_check
    CHECK (actor_kind IN ('key', 'member', 'staff', 'operator', 'system', 'connection'));
