"""Events about people's requests. They name the request and nobody."""

SUBJECT_ERASED = "subject.erased"
"""A person was forgotten; the object is the request that asked for it."""
