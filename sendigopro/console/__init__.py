"""What members and staff see: one file per screen; calls features, and is called by nobody."""
