-- Both indexes of `messages` held account and id, so that either could answer a look-up by ids: planned while a day was
-- young, when both cost the same, it read all of the account's day in the other one. A subject belongs to one account,
-- so that its own messages are found without the account in the index.
CREATE INDEX IF NOT EXISTS messages_of_subject ON main.messages (subject_id, id);
DROP INDEX IF EXISTS main.messages_subject;
