"""The terminal interface of mnistop."""
