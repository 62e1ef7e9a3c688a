-- What a key is called, sealed, and the networks it may be used from; no network: from everywhere.
ALTER TABLE main.api_keys ADD COLUMN IF NOT EXISTS name bytea; -- @sealed_key_name
ALTER TABLE main.api_keys ADD COLUMN IF NOT EXISTS networks cidr[] NOT NULL DEFAULT '{}'; -- @key_fact
GRANT SELECT (name, networks), UPDATE (networks) ON main.api_keys TO door;
