-- Carriers' reports that match no message are found by the number's fingerprint under the platform's own key. It cannot be
-- made any more when the worker comes to them, because the person's key is dead: so an erasure carries it until then.
ALTER TABLE main.privacy_requests ADD COLUMN IF NOT EXISTS platform_mac bytea; -- @lookup_mac under the platform's own key; of an erasure, until it is done
GRANT UPDATE (recipient_mac) ON main.unmatched_receipts TO pipeline;
