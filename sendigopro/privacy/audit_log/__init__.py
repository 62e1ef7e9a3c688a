"""The audit log handed out: its doors, its signed export, and the check of one. `audit/` writes it."""
