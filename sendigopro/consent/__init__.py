"""Who must not be contacted, and why."""
