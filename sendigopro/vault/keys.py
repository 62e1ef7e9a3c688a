"""What keys are, and what may be wrong with them."""

KEY_BYTES = 32
BLOCK_SLOTS = 4096
"""So many slots are handed out to a process at a time."""
ERASED = bytes(KEY_BYTES)


class KeyErasedError(LookupError):
    """The key is gone for good, and what it sealed with it."""


class KeyStoreError(Exception):
    """The key store cannot be trusted or reached; the text names the file and says what to do. Nothing is served."""
