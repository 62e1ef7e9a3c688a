-- Who changed what: one chain of entries for each account. An entry names nobody, so that it never has to be taken back;
-- what names somebody stands beside it, sealed with a salt, and can be erased without breaking the chain.
CREATE TABLE IF NOT EXISTS main.audit_log (
    account_id uuid NOT NULL,                                      -- @account_ref
    n          bigint NOT NULL CHECK (n > 0),                      -- @audit_fact
    id         uuid NOT NULL,                                      -- @audit_fact
    at         timestamptz NOT NULL,                               -- @audit_fact never before the entry before
    actor_kind text NOT NULL CHECK (actor_kind IN ('key', 'member', 'staff', 'operator', 'system')), -- @audit_fact
    actor_id   uuid,                                               -- @audit_fact
    action     text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'), -- @audit_fact
    target     text,                                               -- @audit_fact an id, or words of ours
    facts      jsonb NOT NULL,                                     -- @audit_fact words, numbers and truths
    request_id text,                                               -- @audit_fact
    commitment bytea CHECK (length(commitment) = 32),              -- @audit_commitment SHA-256 of salt and values in audit_personal
    prev_hash  bytea NOT NULL CHECK (length(prev_hash) = 32),      -- @audit_fact
    hash       bytea NOT NULL CHECK (length(hash) = 32),           -- @audit_fact SHA-256 of prev_hash and the entry
    PRIMARY KEY (account_id, n),
    UNIQUE (account_id, id)
);
GRANT SELECT, INSERT ON main.audit_log TO pipeline, door;
ALTER TABLE main.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.audit_log FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.audit_log;
CREATE POLICY own_account ON main.audit_log TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.audit_log;
CREATE POLICY every_account ON main.audit_log TO owner USING (true);

-- An entry stands at the end, or nowhere.
CREATE OR REPLACE FUNCTION main.audit_log_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT l.n, l.hash INTO last FROM main.audit_log l WHERE l.account_id = NEW.account_id ORDER BY l.n DESC LIMIT 1;
    IF NEW.n <> coalesce(last.n, 0) + 1 OR NEW.prev_hash <> coalesce(last.hash, decode(repeat('00', 32), 'hex')) THEN
        RAISE EXCEPTION 'an entry of the audit log follows the last one' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER audit_log_follows BEFORE INSERT ON main.audit_log
    FOR EACH ROW EXECUTE FUNCTION main.audit_log_follows();

-- Nobody changes or removes an entry, `owner` neither; only with its closed account the whole chain may go.
CREATE OR REPLACE FUNCTION main.audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM main.accounts a WHERE a.id = OLD.account_id AND a.closed_at IS NOT NULL) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only ever appended to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE ON main.audit_log
    FOR EACH ROW EXECUTE FUNCTION main.audit_log_stays();
CREATE OR REPLACE TRIGGER audit_log_stays_whole BEFORE TRUNCATE ON main.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION main.audit_log_stays();

-- What names somebody: salt and values, sealed. Erasing a row leaves a commitment that says nothing any more.
CREATE TABLE IF NOT EXISTS main.audit_personal (
    account_id uuid NOT NULL,  -- @account_ref
    id         uuid NOT NULL,  -- @audit_fact the entry's
    sealed     bytea NOT NULL, -- @sealed_audit msgpack: salt, values
    PRIMARY KEY (account_id, id)
);
GRANT SELECT, INSERT, DELETE ON main.audit_personal TO pipeline, door;
ALTER TABLE main.audit_personal ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.audit_personal FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.audit_personal;
CREATE POLICY own_account ON main.audit_personal TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.audit_personal;
CREATE POLICY every_account ON main.audit_personal TO owner USING (true);
