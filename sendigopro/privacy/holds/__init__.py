"""Legal holds: a copy of what must be kept, under a key of its own, while everything else ends on time."""
