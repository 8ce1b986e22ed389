"""How a sweep is planned, handed out, and read."""
