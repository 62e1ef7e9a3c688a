-- The way of a message. Facts are only inserted; the queue is a few small rows; who it was stands in the vault.

-- What was accepted or received. Updated by redaction and erasure only.
CREATE TABLE IF NOT EXISTS main.messages ( -- @partitions ahead=21
    account_id      uuid NOT NULL,                                   -- @account_ref
    id              uuid NOT NULL,                                   -- @message_fact
    mode            smallint NOT NULL CHECK (mode IN (0, 1)),        -- @message_fact 0 test, 1 live
    channel         smallint NOT NULL,                               -- @message_fact
    direction       smallint NOT NULL CHECK (direction IN (0, 1)),   -- @message_fact 0 outbound, 1 inbound
    purpose         smallint NOT NULL,                               -- @message_fact
    priority        smallint NOT NULL,                               -- @message_fact
    subject_id      uuid,                                            -- @subject_ref null once erased
    sender_id       uuid,                                            -- @message_fact
    key_id          uuid,                                            -- @message_fact the API key that asked
    segments        smallint NOT NULL,                               -- @message_fact
    encoding        smallint NOT NULL,                               -- @message_fact
    country         text NOT NULL,                                   -- @message_fact
    carrier_id      uuid,                                            -- @message_fact the first choice of its route
    price_micros    bigint NOT NULL,                                 -- @message_fact
    held_micros     bigint NOT NULL,                                 -- @message_fact what was taken from credit at accept
    currency        text NOT NULL,                                   -- @message_fact
    send_at         timestamptz,                                     -- @message_fact
    expires_at      timestamptz NOT NULL,                            -- @message_fact
    body_expires_on date NOT NULL,                                   -- @message_fact which partition holds its body
    has_callback    boolean NOT NULL,                                -- @message_fact
    chunk_id        uuid,                                            -- @queue_state its first chunk
    position        smallint,                                        -- @queue_state its place in it
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX IF NOT EXISTS messages_subject ON main.messages (account_id, subject_id, id);
GRANT SELECT, INSERT, DELETE, UPDATE (subject_id) ON main.messages TO pipeline;

-- What it said, sealed; and, sealed apart, what came with it: metadata, tags, callback URL.
CREATE TABLE IF NOT EXISTS main.message_bodies ( -- @partitions ahead=36 firsts=16
    account_id uuid NOT NULL,  -- @account_ref
    message_id uuid NOT NULL,  -- @message_fact
    expires_on date NOT NULL,  -- @message_fact
    body       bytea,          -- @sealed_body null once redacted
    details    bytea,          -- @sealed_context
    PRIMARY KEY (account_id, message_id, expires_on)
) PARTITION BY RANGE (expires_on);
GRANT SELECT, INSERT, DELETE, UPDATE (body, details) ON main.message_bodies TO pipeline;

-- What became of it: the highest rank is its status (messages/model.py has the table of ranks).
CREATE TABLE IF NOT EXISTS main.outcomes ( -- @partitions ahead=21
    account_id   uuid NOT NULL,        -- @account_ref
    message_id   uuid NOT NULL,        -- @message_fact
    rank         smallint NOT NULL,    -- @message_fact
    at           timestamptz NOT NULL, -- @message_fact
    reason       text,                 -- @message_fact
    carrier_id   uuid,                 -- @message_fact
    carrier_code text,                 -- @message_fact
    attempt      smallint NOT NULL,    -- @message_fact
    PRIMARY KEY (account_id, rank, message_id)
) PARTITION BY RANGE (message_id);
GRANT SELECT, INSERT, DELETE ON main.outcomes TO pipeline;

-- What was reported of the single parts of a long message.
CREATE TABLE IF NOT EXISTS main.part_reports ( -- @partitions ahead=21
    account_id uuid NOT NULL,        -- @account_ref
    message_id uuid NOT NULL,        -- @message_fact
    part       smallint NOT NULL,    -- @message_fact
    rank       smallint NOT NULL,    -- @message_fact
    reason     text,                 -- @message_fact
    PRIMARY KEY (account_id, message_id, part)
) PARTITION BY RANGE (message_id);
GRANT SELECT, INSERT, DELETE ON main.part_reports TO pipeline;

-- Tags are found by their MAC; the words are sealed with the message.
CREATE TABLE IF NOT EXISTS main.message_tags ( -- @partitions ahead=21
    account_id uuid NOT NULL,  -- @account_ref
    tag_mac    bytea NOT NULL, -- @lookup_mac
    message_id uuid NOT NULL,  -- @message_fact
    PRIMARY KEY (account_id, tag_mac, message_id)
) PARTITION BY RANGE (message_id);
GRANT SELECT, INSERT, DELETE ON main.message_tags TO pipeline;

-- The queue: up to 500 messages of one account in one lane. `intended` is not indexed, so its updates stay in the page.
CREATE TABLE IF NOT EXISTS main.chunks (
    account_id      uuid NOT NULL,                                   -- @account_ref
    id              uuid NOT NULL,                                   -- @queue_state
    mode            smallint NOT NULL,                               -- @queue_state
    carrier_id      uuid NOT NULL,                                   -- @queue_state
    priority        smallint NOT NULL,                               -- @queue_state
    message_ids     uuid[] NOT NULL,                                 -- @queue_state
    n               smallint NOT NULL CHECK (n BETWEEN 1 AND 500),   -- @queue_state
    intended        smallint NOT NULL DEFAULT 0 CHECK (intended <= n), -- @queue_state positions below it may have left
    dropped         smallint[] NOT NULL DEFAULT '{}',                -- @queue_state positions that must not leave
    attempt         smallint NOT NULL DEFAULT 1,                     -- @queue_state
    body_expires_on date NOT NULL,                                   -- @queue_state
    min_expires_at  timestamptz NOT NULL,                            -- @queue_state
    lease_owner     text,                                            -- @queue_state
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',        -- @queue_state
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX IF NOT EXISTS chunks_lane ON main.chunks (carrier_id, priority, account_id, id);
CREATE INDEX IF NOT EXISTS chunks_expiry ON main.chunks (min_expires_at);
GRANT SELECT, INSERT, DELETE, UPDATE (carrier_id, intended, dropped, min_expires_at, lease_owner, lease_until) ON main.chunks TO pipeline;

-- Everything that is not yet due: scheduled, told to try later, unclear and to be sent again.
CREATE TABLE IF NOT EXISTS main.waiting (
    account_id      uuid NOT NULL,        -- @account_ref
    message_id      uuid NOT NULL,        -- @message_fact
    mode            smallint NOT NULL,    -- @queue_state
    due_at          timestamptz NOT NULL, -- @queue_state
    carrier_id      uuid NOT NULL,        -- @queue_state
    priority        smallint NOT NULL,    -- @queue_state
    attempt         smallint NOT NULL,    -- @queue_state
    why             smallint NOT NULL,    -- @queue_state
    expires_at      timestamptz NOT NULL, -- @queue_state
    body_expires_on date NOT NULL,        -- @queue_state
    PRIMARY KEY (account_id, message_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX IF NOT EXISTS waiting_due ON main.waiting (due_at);
GRANT SELECT, INSERT, DELETE, UPDATE (carrier_id, due_at) ON main.waiting TO pipeline;

-- Where a message is that left its first chunk.
CREATE TABLE IF NOT EXISTS main.moved ( -- @partitions ahead=21
    account_id uuid NOT NULL,     -- @account_ref
    message_id uuid NOT NULL,     -- @message_fact
    chunk_id   uuid NOT NULL,     -- @queue_state
    position   smallint NOT NULL, -- @queue_state
    PRIMARY KEY (account_id, message_id)
) PARTITION BY RANGE (message_id);
GRANT SELECT, INSERT, DELETE, UPDATE (chunk_id, position) ON main.moved TO pipeline;

-- The carrier's id of each part. Ids repeat (carriers count anew), so the newest unfinished one wins.
CREATE TABLE IF NOT EXISTS main.carrier_refs ( -- @partitions ahead=21
    carrier_id uuid NOT NULL,        -- @message_fact
    ref        text NOT NULL,        -- @message_fact
    at         timestamptz NOT NULL, -- @message_fact
    account_id uuid NOT NULL,        -- @account_ref
    message_id uuid NOT NULL,        -- @message_fact
    part       smallint NOT NULL     -- @message_fact
) PARTITION BY RANGE (at);
CREATE INDEX IF NOT EXISTS carrier_refs_ref ON main.carrier_refs (carrier_id, ref);
GRANT SELECT, INSERT ON main.carrier_refs TO pipeline;

-- Receipts whose message is not known yet; matched again, and given up after three days.
CREATE TABLE IF NOT EXISTS main.unmatched_receipts (
    id            uuid PRIMARY KEY,     -- @operations
    carrier_id    uuid NOT NULL,        -- @message_fact
    ref           text NOT NULL,        -- @message_fact
    rank          smallint NOT NULL,    -- @message_fact
    carrier_code  text NOT NULL,        -- @message_fact
    recipient_mac bytea,                -- @lookup_mac under the platform's own key
    reference     integer,              -- @message_fact
    at            timestamptz NOT NULL, -- @message_fact
    next_try_at   timestamptz NOT NULL, -- @operations
    tries         smallint NOT NULL     -- @operations
);
CREATE INDEX IF NOT EXISTS unmatched_receipts_due ON main.unmatched_receipts (next_try_at);
GRANT SELECT, INSERT, DELETE, UPDATE (next_try_at, tries) ON main.unmatched_receipts TO pipeline;

-- Submits without an answer: how a receipt that carries an unknown id may still find its message.
CREATE TABLE IF NOT EXISTS main.unclear_submits (
    carrier_id    uuid NOT NULL,        -- @message_fact
    recipient_mac bytea NOT NULL,       -- @lookup_mac under the platform's own key
    at            timestamptz NOT NULL, -- @message_fact
    account_id    uuid NOT NULL,        -- @account_ref
    message_id    uuid NOT NULL,        -- @message_fact
    reference     integer NOT NULL,     -- @message_fact
    segments      smallint NOT NULL,    -- @message_fact
    PRIMARY KEY (account_id, message_id)
);
CREATE INDEX IF NOT EXISTS unclear_submits_recipient ON main.unclear_submits (carrier_id, recipient_mac);
GRANT SELECT, INSERT, DELETE, UPDATE (at, carrier_id) ON main.unclear_submits TO pipeline;

-- Messages sent together, and until when a receipt is awaited.
CREATE TABLE IF NOT EXISTS main.awaited_receipts (
    account_id  uuid NOT NULL,        -- @account_ref
    id          uuid NOT NULL,        -- @queue_state
    mode        smallint NOT NULL,    -- @queue_state
    due_at      timestamptz NOT NULL, -- @queue_state
    message_ids uuid[] NOT NULL,      -- @message_fact
    PRIMARY KEY (account_id, id)
);
CREATE INDEX IF NOT EXISTS awaited_receipts_due ON main.awaited_receipts (due_at);
GRANT SELECT, INSERT, DELETE, UPDATE (due_at) ON main.awaited_receipts TO pipeline;

-- Keys of requests already answered. No answer is kept: a replay is rebuilt from the messages.
CREATE TABLE IF NOT EXISTS main.idempotency ( -- @partitions ahead=21 back=2
    account_id  uuid NOT NULL,        -- @account_ref
    key_mac     bytea NOT NULL,       -- @idempotency
    day         date NOT NULL,        -- @idempotency
    body_mac    bytea NOT NULL,       -- @idempotency
    message_ids uuid[] NOT NULL,      -- @idempotency
    code        smallint NOT NULL,    -- @idempotency
    at          timestamptz NOT NULL, -- @idempotency
    PRIMARY KEY (account_id, key_mac, day)
) PARTITION BY RANGE (day);
GRANT SELECT, INSERT, DELETE ON main.idempotency TO pipeline;

-- Counts that survive an erasure. Deltas are appended by each group and folded by a job.
CREATE TABLE IF NOT EXISTS main.tallies (
    account_id uuid NOT NULL,        -- @account_ref
    mode       smallint NOT NULL,    -- @tally
    hour       timestamptz NOT NULL, -- @tally
    channel    smallint NOT NULL,    -- @tally
    country    text NOT NULL,        -- @tally
    rank       smallint NOT NULL,    -- @tally 0 accepted, else the outcome's
    n          bigint NOT NULL,      -- @tally
    micros     bigint NOT NULL       -- @tally
);
CREATE INDEX IF NOT EXISTS tallies_hour ON main.tallies (account_id, hour);
GRANT SELECT, INSERT, DELETE ON main.tallies TO pipeline;

-- What happened, for those who listen: one row for an account and transaction, ids and statuses only.
CREATE TABLE IF NOT EXISTS main.events ( -- @partitions ahead=21
    account_id uuid NOT NULL,                                  -- @account_ref
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),     -- @message_fact
    id         uuid NOT NULL,                                  -- @message_fact
    mode       smallint NOT NULL,                              -- @message_fact
    n          smallint NOT NULL,                              -- @message_fact
    payload    bytea NOT NULL,                                 -- @message_fact msgpack, nothing personal
    PRIMARY KEY (account_id, xid, id)
) PARTITION BY RANGE (id);
GRANT SELECT, INSERT ON main.events TO pipeline;

-- Batches of events that somebody must still be told of.
CREATE TABLE IF NOT EXISTS main.outbox (
    account_id  uuid NOT NULL,        -- @account_ref
    id          uuid NOT NULL,        -- @queue_state
    mode        smallint NOT NULL,    -- @queue_state
    lease_owner text NOT NULL,        -- @queue_state
    lease_until timestamptz NOT NULL, -- @queue_state
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
GRANT SELECT, INSERT, DELETE, UPDATE (lease_owner, lease_until) ON main.outbox TO pipeline;

-- Providers that are set up. Nothing of an account's: the operator's.
CREATE TABLE IF NOT EXISTS main.carriers (
    id            uuid PRIMARY KEY,                -- @carrier_config
    name          text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'), -- @carrier_config
    provider      text NOT NULL,                   -- @carrier_config
    channel       smallint NOT NULL,               -- @carrier_config
    credentials   bytea NOT NULL,                  -- @sealed_credentials
    binds         smallint NOT NULL CHECK (binds BETWEEN 1 AND 100), -- @carrier_config
    unclear_wait_seconds integer NOT NULL DEFAULT 300, -- @carrier_config
    is_enabled    boolean NOT NULL DEFAULT true,   -- @carrier_config
    created_at    timestamptz NOT NULL DEFAULT now() -- @carrier_config
);
GRANT SELECT, INSERT, DELETE, UPDATE ON main.carriers TO pipeline;
GRANT SELECT (id, name, provider, channel, binds, is_enabled, created_at) ON main.carriers TO door;

-- Which carriers a message may take, best first; the nil account's is everybody's default.
CREATE TABLE IF NOT EXISTS main.routes (
    account_id  uuid NOT NULL,     -- @account_ref
    mode        smallint NOT NULL, -- @carrier_config
    channel     smallint NOT NULL, -- @carrier_config
    carrier_ids uuid[] NOT NULL,   -- @carrier_config
    PRIMARY KEY (account_id, mode, channel)
);
GRANT SELECT, INSERT, DELETE, UPDATE ON main.routes TO pipeline;

-- Who messages come from: numbers, short codes, alphanumeric ids of businesses.
CREATE TABLE IF NOT EXISTS main.senders (
    account_id uuid NOT NULL,                       -- @account_ref
    id         uuid NOT NULL,                       -- @sender
    channel    smallint NOT NULL,                   -- @sender
    value      text NOT NULL,                       -- @sender
    is_default boolean NOT NULL DEFAULT false,      -- @sender
    created_at timestamptz NOT NULL DEFAULT now(),  -- @sender
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, channel, value)
);
GRANT SELECT, INSERT, DELETE, UPDATE (is_default) ON main.senders TO pipeline;

-- Workers that are alive: carriers' binds are shared out among them.
CREATE TABLE IF NOT EXISTS main.workers (
    name    text PRIMARY KEY,     -- @operations
    seen_at timestamptz NOT NULL  -- @operations
);
GRANT SELECT, INSERT, DELETE, UPDATE ON main.workers TO pipeline;

-- Who may hold which bind of a carrier now.
CREATE TABLE IF NOT EXISTS main.carrier_binds (
    carrier_id  uuid NOT NULL,        -- @carrier_config
    slot        smallint NOT NULL,    -- @carrier_config
    owner       text NOT NULL,        -- @operations
    lease_until timestamptz NOT NULL, -- @operations
    PRIMARY KEY (carrier_id, slot)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, DELETE, UPDATE ON main.carrier_binds TO pipeline;

-- The door sees one account at a time, whatever a statement forgets; `pipeline` has no policy, for COPY and for groups.
GRANT SELECT ON main.messages, main.message_bodies, main.outcomes, main.part_reports, main.message_tags, main.chunks,
    main.waiting, main.moved, main.events, main.tallies, main.senders TO door;
DO $$
DECLARE
    walled text;
BEGIN
    FOREACH walled IN ARRAY ARRAY['messages', 'message_bodies', 'outcomes', 'part_reports', 'message_tags', 'chunks',
                                  'waiting', 'moved', 'events', 'tallies', 'senders'] LOOP
        EXECUTE format('ALTER TABLE main.%I ENABLE ROW LEVEL SECURITY', walled);
        EXECUTE format('ALTER TABLE main.%I FORCE ROW LEVEL SECURITY', walled);
        EXECUTE format('DROP POLICY IF EXISTS own_account ON main.%I', walled);
        EXECUTE format('CREATE POLICY own_account ON main.%I TO door USING (account_id = nullif(current_setting(''sendigopro.account_id'', true), '''')::uuid)', walled);
        EXECUTE format('DROP POLICY IF EXISTS every_account ON main.%I', walled);
        EXECUTE format('CREATE POLICY every_account ON main.%I TO owner USING (true)', walled);
    END LOOP;
END $$;
