-- Roles that an account made itself. A member's role is one of ours, or one of these: the foreign key holds it, so a role
-- that somebody has cannot be deleted, and nobody is given one that is not there.
CREATE TABLE IF NOT EXISTS main.custom_roles (
    account_id  uuid NOT NULL,                                              -- @account_ref
    name        text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{1,39}$'),   -- @account_setting
    permissions text[] NOT NULL,                                            -- @account_setting words of accounts/roles.py
    created_at  timestamptz NOT NULL DEFAULT now(),                         -- @account_setting
    changed_at  timestamptz NOT NULL DEFAULT now(),                         -- @account_setting
    PRIMARY KEY (account_id, name),
    CONSTRAINT not_one_of_ours CHECK (name NOT IN ('owner', 'admin', 'developer', 'billing', 'agent', 'privacy_officer', 'viewer'))
);
GRANT SELECT ON main.custom_roles TO pipeline;
GRANT SELECT, INSERT, DELETE, UPDATE (permissions, changed_at) ON main.custom_roles TO door;
ALTER TABLE main.custom_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.custom_roles FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.custom_roles;
CREATE POLICY own_account ON main.custom_roles TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.custom_roles;
CREATE POLICY every_account ON main.custom_roles TO owner, pipeline USING (true);

ALTER TABLE main.members DROP CONSTRAINT IF EXISTS members_role_check;
ALTER TABLE main.members
    ADD COLUMN custom_role text GENERATED ALWAYS AS ( -- @member_fact the role, unless it is one of ours
        CASE WHEN role IN ('owner', 'admin', 'developer', 'billing', 'agent', 'privacy_officer', 'viewer') THEN NULL ELSE role END
    ) STORED;
ALTER TABLE main.members
    ADD CONSTRAINT members_custom_role FOREIGN KEY (account_id, custom_role) REFERENCES main.custom_roles (account_id, name);
CREATE INDEX IF NOT EXISTS members_custom_role ON main.members (account_id, custom_role) WHERE custom_role IS NOT NULL;
-- An invitation offers such a role too: it is looked at when it is made, and the key above when it is accepted.
ALTER TABLE main.invitations DROP CONSTRAINT IF EXISTS invitations_role_check;
ALTER TABLE main.invitations ADD CONSTRAINT invitations_role_check CHECK (role ~ '^[a-z][a-z0-9_]{1,39}$');
