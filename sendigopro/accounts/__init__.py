"""Accounts, members, roles, sign-in, API keys."""
