"""What happened, for whoever listens: written with the facts, told after they are on disk."""
