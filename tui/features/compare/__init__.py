"""Runs laid over each other."""
