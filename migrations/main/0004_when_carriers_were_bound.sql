-- When a bind was last seen to work: what waits for a carrier that has been away for long goes to the next of its route.
ALTER TABLE main.carrier_binds ADD COLUMN IF NOT EXISTS bound_at timestamptz NOT NULL DEFAULT now(); -- @operations
