-- How long things are kept, as an account has chosen it: a row for each product and clock that it has settled
-- (accounts/retention_terms.py has the defaults and the limits). `swept_before`: what was last needed before that day has been
-- ended row by row; of no use to anybody but the job that does it.
CREATE TABLE IF NOT EXISTS main.retention_terms (
    account_id   uuid NOT NULL,                                     -- @account_ref
    product      text NOT NULL,                                     -- @account_setting
    clock        text NOT NULL,                                     -- @account_setting
    days         smallint NOT NULL CHECK (days BETWEEN 0 AND 400),  -- @account_setting
    reason       bytea,                                             -- @sealed_term_reason why it is kept longer than by default
    key_id       uuid,                                              -- @account_setting the API key that set it; null: the operator
    set_at       timestamptz NOT NULL DEFAULT now(),                -- @account_setting
    swept_before date,                                              -- @account_setting
    PRIMARY KEY (account_id, product, clock)
);
GRANT SELECT, UPDATE (swept_before) ON main.retention_terms TO pipeline;
GRANT SELECT, INSERT, UPDATE (days, reason, key_id, set_at) ON main.retention_terms TO door;
ALTER TABLE main.retention_terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.retention_terms FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.retention_terms;
CREATE POLICY own_account ON main.retention_terms TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.retention_terms;
CREATE POLICY every_account ON main.retention_terms TO owner, pipeline USING (true);

-- The two terms that stood with the account move here.
INSERT INTO main.retention_terms (account_id, product, clock, days)
SELECT a.id, p.product, 'body', least(a.body_retention_days, CASE p.product WHEN 'otp' THEN 30 ELSE 400 END)
  FROM main.accounts a, unnest(ARRAY['otp', 'transactional', 'service', 'marketing', 'emergency', 'received']) AS p (product)
 WHERE a.body_retention_days <> 30
    ON CONFLICT DO NOTHING;
INSERT INTO main.retention_terms (account_id, product, clock, days)
SELECT id, 'people', 'identifier', identifier_retention_days FROM main.accounts WHERE identifier_retention_days <> 400
    ON CONFLICT DO NOTHING;
ALTER TABLE main.accounts DROP COLUMN body_retention_days, DROP COLUMN identifier_retention_days;
