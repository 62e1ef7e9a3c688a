-- Customers, their keys, their money, and whom they must not contact.
-- `door` sees one account at a time; `owner` is the operator's hand (migrations, command line); `pipeline` gets columns.

CREATE TABLE IF NOT EXISTS main.accounts (
    id                        uuid PRIMARY KEY,                       -- @account_ref
    name                      bytea NOT NULL,                         -- @sealed_account_name
    currency                  text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'), -- @account_setting ISO 4217
    body_retention_days       smallint NOT NULL DEFAULT 30 CHECK (body_retention_days BETWEEN 0 AND 400), -- @account_setting
    identifier_retention_days smallint NOT NULL DEFAULT 400 CHECK (identifier_retention_days BETWEEN 1 AND 400), -- @account_setting
    on_unclear                text NOT NULL DEFAULT 'hold' CHECK (on_unclear IN ('hold', 'resend')), -- @account_setting of transactional messages
    rate_per_second           integer CHECK (rate_per_second > 0),    -- @account_setting null: the installation's
    burst                     integer CHECK (burst > 0),              -- @account_setting null: twice the rate
    is_first                  boolean NOT NULL DEFAULT false,         -- @account_fact made by `up`
    created_at                timestamptz NOT NULL DEFAULT now(),     -- @account_fact
    closed_at                 timestamptz                             -- @account_fact
);
CREATE UNIQUE INDEX IF NOT EXISTS accounts_first ON main.accounts (is_first) WHERE is_first;
GRANT SELECT (id, currency, body_retention_days, identifier_retention_days, on_unclear, rate_per_second, burst, closed_at) ON main.accounts TO pipeline;
GRANT SELECT, UPDATE (name, body_retention_days, identifier_retention_days, on_unclear) ON main.accounts TO door;
ALTER TABLE main.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.accounts FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.accounts;
CREATE POLICY own_account ON main.accounts TO door USING (id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.accounts;
CREATE POLICY every_account ON main.accounts TO owner USING (true);

-- People who work for an account. Sign-in finds them by the MAC of their address under the installation's own key.
CREATE TABLE IF NOT EXISTS main.members (
    account_id    uuid NOT NULL,                                  -- @account_ref
    id            uuid NOT NULL,                                  -- @member_ref
    mail_mac      bytea NOT NULL CHECK (length(mail_mac) = 16),   -- @member_mac
    mail          bytea NOT NULL,                                 -- @sealed_member
    password_hash text NOT NULL,                                  -- @key_hash Argon2id
    role          text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')), -- @member_fact
    created_at    timestamptz NOT NULL DEFAULT now(),             -- @member_fact
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, mail_mac)
);
CREATE INDEX IF NOT EXISTS members_mail ON main.members (mail_mac);
GRANT SELECT, INSERT, DELETE, UPDATE (mail_mac, mail, password_hash, role) ON main.members TO door;
ALTER TABLE main.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.members FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.members;
CREATE POLICY own_account ON main.members TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.members;
CREATE POLICY every_account ON main.members TO owner USING (true);

-- Keys of the API. The key itself is shown once and not kept: 190 random bits need no slow hash.
CREATE TABLE IF NOT EXISTS main.api_keys (
    account_id      uuid NOT NULL,                                            -- @account_ref
    id              uuid NOT NULL,                                            -- @key_fact
    mode            smallint NOT NULL CHECK (mode IN (0, 1)),                 -- @key_fact 0 test, 1 live
    hash            bytea NOT NULL CHECK (length(hash) = 32),                 -- @key_hash SHA-256
    last4           text NOT NULL CHECK (length(last4) = 4),                  -- @key_fact
    scopes          text[] NOT NULL CHECK (cardinality(scopes) > 0),          -- @key_fact
    purpose         text NOT NULL CHECK (purpose IN ('otp', 'transactional', 'service', 'marketing', 'emergency')), -- @key_fact
    rate_per_second integer CHECK (rate_per_second > 0),                      -- @key_fact null: the account's
    created_at      timestamptz NOT NULL DEFAULT now(),                       -- @key_fact
    revoked_at      timestamptz,                                              -- @key_fact
    last_used_at    timestamptz,                                              -- @key_fact to the minute
    PRIMARY KEY (account_id, id)
);
CREATE INDEX IF NOT EXISTS api_keys_hash ON main.api_keys (hash);
GRANT SELECT, UPDATE (last_used_at) ON main.api_keys TO pipeline;
GRANT SELECT (account_id, id, mode, last4, scopes, purpose, rate_per_second, created_at, revoked_at, last_used_at),
      INSERT, UPDATE (revoked_at) ON main.api_keys TO door;
ALTER TABLE main.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.api_keys FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.api_keys;
CREATE POLICY own_account ON main.api_keys TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.api_keys;
CREATE POLICY every_account ON main.api_keys TO owner USING (true);

-- Grows with every change of configuration: the net under NOTIFY, read by every process each second.
CREATE TABLE IF NOT EXISTS main.config_epoch (
    id    smallint PRIMARY KEY CHECK (id = 1), -- @operations
    epoch bigint NOT NULL                      -- @operations
) WITH (fillfactor = 50);
INSERT INTO main.config_epoch (id, epoch) VALUES (1, 1) ON CONFLICT (id) DO NOTHING;
GRANT SELECT, UPDATE (epoch) ON main.config_epoch TO pipeline, door;

-- Money of an account: `held` is spoken for by messages on their way. Without a limit nothing is held.
CREATE TABLE IF NOT EXISTS main.credit (
    account_id     uuid PRIMARY KEY,                                        -- @account_ref
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),           -- @credit
    balance_micros bigint NOT NULL DEFAULT 0,                               -- @credit
    held_micros    bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),      -- @credit
    limit_micros   bigint CHECK (limit_micros >= 0)                         -- @credit how far below zero the balance may go
) WITH (fillfactor = 50);
GRANT SELECT, UPDATE (balance_micros, held_micros) ON main.credit TO pipeline;
GRANT SELECT ON main.credit TO door;
ALTER TABLE main.credit ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.credit FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.credit;
CREATE POLICY own_account ON main.credit TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.credit;
CREATE POLICY every_account ON main.credit TO owner USING (true);

-- Every movement of money, from one book to another, so that all books together are always zero. Never changed.
CREATE TABLE IF NOT EXISTS main.ledger_entries ( -- @partitions every=month ahead=40
    account_id    uuid NOT NULL,                                     -- @account_ref
    id            uuid NOT NULL,                                     -- @ledger_entry
    from_book     text NOT NULL CHECK (from_book IN ('account', 'paid_in', 'revenue')), -- @ledger_entry
    to_book       text NOT NULL CHECK (to_book IN ('account', 'paid_in', 'revenue')),   -- @ledger_entry
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),         -- @ledger_entry
    currency      text NOT NULL,                                     -- @ledger_entry
    reference     text NOT NULL,                                     -- @ledger_entry what it was for, nothing personal
    at            timestamptz NOT NULL DEFAULT now(),                -- @ledger_entry
    PRIMARY KEY (account_id, id),
    CHECK (from_book <> to_book)
) PARTITION BY RANGE (id);
GRANT SELECT, INSERT ON main.ledger_entries TO pipeline;
GRANT SELECT ON main.ledger_entries TO door;
ALTER TABLE main.ledger_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.ledger_entries FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.ledger_entries;
CREATE POLICY own_account ON main.ledger_entries TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.ledger_entries;
CREATE POLICY every_account ON main.ledger_entries TO owner USING (true);

-- Whom an account may not contact: a bare MAC under its suppression key, which outlives the person's erasure.
CREATE TABLE IF NOT EXISTS main.standing (
    account_id uuid NOT NULL,                              -- @account_ref
    mac        bytea NOT NULL CHECK (length(mac) = 16),    -- @standing_mac
    scope      smallint NOT NULL DEFAULT 0,                -- @standing_fact 0: everything the account sends
    state      text NOT NULL CHECK (state IN ('opted_out', 'restricted', 'erased')), -- @standing_fact
    at         timestamptz NOT NULL DEFAULT now(),         -- @standing_fact
    PRIMARY KEY (account_id, mac, scope)
);
GRANT SELECT, INSERT, DELETE, UPDATE (state, at) ON main.standing TO pipeline, door;
ALTER TABLE main.standing ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.standing FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.standing;
CREATE POLICY own_account ON main.standing TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.standing;
CREATE POLICY every_account ON main.standing TO owner USING (true);
