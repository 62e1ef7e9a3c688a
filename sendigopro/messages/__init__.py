"""The hot path: a message comes in, goes out, and what became of it is known."""
