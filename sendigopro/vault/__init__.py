"""Who people are: identifiers, keys, sealing, forgetting."""
