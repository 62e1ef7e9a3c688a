-- Whom a provider's SCIM client has told us of: what it said, sealed, and whether they may come in.
CREATE TABLE IF NOT EXISTS main.scim_users (
    account_id    uuid NOT NULL,                                          -- @account_ref
    id            uuid NOT NULL,                                          -- @member_ref
    connection_id uuid NOT NULL,                                          -- @member_fact
    person_id     uuid NOT NULL REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    name_mac      bytea NOT NULL CHECK (length(name_mac) = 16),           -- @member_mac
    content       bytea NOT NULL,                                         -- @sealed_member JSON: the resource as it was told
    is_active     boolean NOT NULL,                                       -- @member_fact
    created_at    timestamptz NOT NULL DEFAULT now(),                     -- @member_fact
    changed_at    timestamptz NOT NULL DEFAULT now(),                     -- @member_fact
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, connection_id, name_mac),
    FOREIGN KEY (account_id, connection_id) REFERENCES main.sso_connections (account_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS scim_users_person ON main.scim_users (person_id);
GRANT SELECT, INSERT, DELETE, UPDATE (content, is_active, changed_at) ON main.scim_users TO door, pipeline;
ALTER TABLE main.scim_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.scim_users FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.scim_users;
CREATE POLICY own_account ON main.scim_users TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.scim_users;
CREATE POLICY every_account ON main.scim_users TO owner, pipeline USING (true);
