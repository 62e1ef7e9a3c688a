"""What every other ring stands on: time, ids, randomness, problems, PostgreSQL, phone numbers, alphabets."""
