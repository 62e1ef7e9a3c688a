-- Who runs the installation, and whether an account may send to real phones yet.

-- People who work for whoever runs the installation. They sign in like everybody, for an account they belong to.
CREATE TABLE IF NOT EXISTS main.staff (
    person_id uuid PRIMARY KEY REFERENCES main.people (id) ON DELETE CASCADE, -- @member_ref
    role      text NOT NULL CHECK (role IN ('operator', 'support')),          -- @member_fact
    added_at  timestamptz NOT NULL DEFAULT now()                              -- @member_fact
);
GRANT SELECT ON main.staff TO pipeline;

-- Accounts that were there before, and those that the operator makes, are live.
ALTER TABLE main.accounts ADD COLUMN IF NOT EXISTS state text NOT NULL DEFAULT 'live' CHECK (state IN ('test_only', 'in_review', 'live', 'refused', 'closing')); -- @account_fact
-- An account does not make itself live: `door`, by which it changes itself, may read this and not write it.
GRANT SELECT (created_at, state), UPDATE (state) ON main.accounts TO pipeline;

-- What an account said that it will send, and what was decided: each time it asked.
CREATE TABLE IF NOT EXISTS main.go_live_reviews (
    account_id uuid NOT NULL,                                          -- @account_ref
    id         uuid NOT NULL,                                          -- @account_fact
    asked_by   uuid NOT NULL,                                          -- @member_ref
    asked_at   timestamptz NOT NULL DEFAULT now(),                     -- @account_fact
    answers    bytea NOT NULL,                                         -- @sealed_account_words msgpack: what, where, opt-in
    decision   text CHECK (decision IN ('live', 'refused')),           -- @account_fact null: nobody has decided yet
    decided_by uuid,                                                   -- @member_ref
    decided_at timestamptz,                                            -- @account_fact
    reason     bytea,                                                  -- @sealed_account_words of the decision, for the account to read
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS go_live_reviews_open ON main.go_live_reviews (account_id) WHERE decision IS NULL;
GRANT SELECT, INSERT, UPDATE (decision, decided_by, decided_at, reason) ON main.go_live_reviews TO pipeline;
GRANT SELECT ON main.go_live_reviews TO door;
ALTER TABLE main.go_live_reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.go_live_reviews FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.go_live_reviews;
CREATE POLICY own_account ON main.go_live_reviews TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.go_live_reviews;
CREATE POLICY every_account ON main.go_live_reviews TO owner, pipeline USING (true);

-- Since when a bind has worked without a break; `bound_at` says when it was last seen to.
ALTER TABLE main.carrier_binds ADD COLUMN IF NOT EXISTS bound_since timestamptz NOT NULL DEFAULT now(); -- @operations
