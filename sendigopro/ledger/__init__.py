"""What accounts owe and own: held, released, charged, and every movement written down."""
