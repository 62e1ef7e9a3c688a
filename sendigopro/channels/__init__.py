"""The media we speak on, and one file per provider."""
