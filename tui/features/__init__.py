"""Features, a folder each: what a person can do. None imports another."""
