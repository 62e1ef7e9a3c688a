"""Signing in by a company's own provider: connections, their domains, who arrives by them, and who is let go."""
