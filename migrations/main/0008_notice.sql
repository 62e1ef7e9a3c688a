-- The privacy notice as it was published, and what its proofs said last. Nothing about anybody.

-- Every version, for ever. Rows come from sendigopro/privacy/notices; the database holds them to their own words.
CREATE TABLE IF NOT EXISTS main.notice_versions (
    id           integer PRIMARY KEY CHECK (id > 0),                        -- @operations
    published_at timestamptz NOT NULL,                                      -- @operations
    effective_at timestamptz NOT NULL CHECK (effective_at >= published_at), -- @operations
    sha256       bytea NOT NULL,                                            -- @operations of the body
    body         text NOT NULL,                                             -- @operations
    difference   text NOT NULL,                                             -- @operations in a sentence
    change_class text NOT NULL CHECK (change_class IN ('editorial', 'material', 'new_purpose')), -- @operations
    CHECK (sha256 = sha256(convert_to(body, 'UTF8')))
);
GRANT SELECT ON main.notice_versions TO pipeline, door;

-- What `sendigopro prove` found, clause by clause: a run is one moment.
CREATE TABLE IF NOT EXISTS main.proof_runs (
    clause  text NOT NULL,        -- @operations
    at      timestamptz NOT NULL, -- @operations
    version text NOT NULL,        -- @operations of the software, and the commit where it is known
    passed  boolean NOT NULL,     -- @operations
    figure  text NOT NULL,        -- @operations
    PRIMARY KEY (clause, at)
);
GRANT SELECT ON main.proof_runs TO pipeline, door;
