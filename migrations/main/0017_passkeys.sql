-- Passkeys (WebAuthn): what an authenticator keeps for somebody, as far as we must know it. The public key opens nothing.
CREATE TABLE IF NOT EXISTS main.passkeys (
    person_id     uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE,    -- @member_ref
    id            uuid NOT NULL,                                                  -- @member_ref
    credential_id bytea NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023), -- @key_hash the authenticator's own number of it
    public_key    bytea NOT NULL,                                                 -- @key_hash COSE
    sign_count    bigint NOT NULL,                                                -- @member_fact as told last; 0 for ever: it does not count
    name          bytea NOT NULL,                                                 -- @sealed_passkey_name
    created_at    timestamptz NOT NULL DEFAULT now(),                             -- @member_fact
    used_at       timestamptz,                                                    -- @member_fact
    PRIMARY KEY (person_id, id)
);
GRANT SELECT, INSERT, DELETE, UPDATE (sign_count, used_at) ON main.passkeys TO pipeline;

-- Challenges that were answered rightly, until they are too old anyway: none is answered twice.
CREATE TABLE IF NOT EXISTS main.used_challenges (
    hash    bytea PRIMARY KEY CHECK (length(hash) = 32), -- @passing_fact SHA-256
    ends_at timestamptz NOT NULL                         -- @passing_fact
);
GRANT SELECT, INSERT, DELETE ON main.used_challenges TO pipeline;
