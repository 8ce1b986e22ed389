"""Processes that train and that answer, and how they are started and ended."""
