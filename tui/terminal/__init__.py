"""The terminal, shared with a person at the far end of a line."""
