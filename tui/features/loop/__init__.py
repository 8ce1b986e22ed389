"""The training loop line by line, on one batch after the other."""
