"""What is held of one person, made into a package they can read, keep and take elsewhere."""
