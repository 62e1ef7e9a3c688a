-- What was asked of /v1: no bodies, no queries, no addresses; paths with ids of ours alone. Written off the path.
CREATE TABLE IF NOT EXISTS main.requests ( -- @partitions ahead=21
    account_id      uuid NOT NULL,     -- @account_ref
    id              uuid NOT NULL,     -- @request_line our Request-Id, and when it came
    given_id        uuid,              -- @request_line the caller's own Request-Id, where it was a UUID
    mode            smallint NOT NULL, -- @request_line
    key_id          uuid NOT NULL,     -- @request_line
    method          text NOT NULL,     -- @request_line
    path            text NOT NULL,     -- @request_path what is no id of ours is left out
    status          smallint NOT NULL, -- @request_line
    problem         text,              -- @request_line the code of the problem
    duration_us     integer NOT NULL,  -- @request_line
    request_bytes   bigint NOT NULL,   -- @request_line
    response_bytes  bigint NOT NULL,   -- @request_line
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX IF NOT EXISTS requests_given ON main.requests (account_id, given_id) WHERE given_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_problems ON main.requests (account_id, mode, id) WHERE status >= 400;
GRANT INSERT ON main.requests TO pipeline;
GRANT SELECT ON main.requests TO door;
ALTER TABLE main.requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE main.requests FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_account ON main.requests;
CREATE POLICY own_account ON main.requests TO door USING (account_id = nullif(current_setting('sendigopro.account_id', true), '')::uuid);
DROP POLICY IF EXISTS every_account ON main.requests;
CREATE POLICY every_account ON main.requests TO owner, pipeline USING (true);
