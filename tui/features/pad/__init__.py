"""A digit of one's own."""
