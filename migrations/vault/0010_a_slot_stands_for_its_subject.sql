-- A subject's key slot is the subject's alone: a number for a person, as its id is. Only its comment changes.
ALTER TABLE vault.subjects ALTER COLUMN
    key_slot SET STATISTICS 0; -- @subject_key
