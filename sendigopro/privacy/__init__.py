"""The executable notice, people's requests, retention, registers."""
