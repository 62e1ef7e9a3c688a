-- A number that stands for a message, or for a few of them, leads to a person as long as the message has a subject: a
-- chunk may hold one message alone. These columns said that they held the state of the software; nothing but their
-- comments changes, for which a statement must name the column.
ALTER TABLE main.messages ALTER COLUMN
    chunk_id SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.moved ALTER COLUMN
    chunk_id SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.chunks ALTER COLUMN
    id SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.chunks ALTER COLUMN
    message_ids SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.awaited_receipts ALTER COLUMN
    id SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.unmatched_receipts ALTER COLUMN
    id SET STATISTICS -1; -- @queue_ref
ALTER TABLE main.outbox ALTER COLUMN
    id SET STATISTICS -1; -- @queue_ref the id of a row of main.events
ALTER TABLE main.webhook_retries ALTER COLUMN
    lane_id SET STATISTICS -1; -- @queue_ref may be a hash of an address that came with a message
ALTER TABLE main.webhook_replays ALTER COLUMN
    after_id SET STATISTICS -1; -- @queue_ref the id of a row of main.events
