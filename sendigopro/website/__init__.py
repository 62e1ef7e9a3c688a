"""What the public sees: the privacy notice and its proofs."""
