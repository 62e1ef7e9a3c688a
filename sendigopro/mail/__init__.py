"""Our own mails: put into an outbox with what they tell of, sent by a worker, gone when they are sent."""
