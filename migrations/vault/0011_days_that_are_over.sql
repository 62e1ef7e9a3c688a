-- Retention takes out the keys of days that are over.
GRANT DELETE ON vault.buckets TO pipeline;
