"""Telling customers what happened: endpoints, signatures, retries, and the client that posts."""
