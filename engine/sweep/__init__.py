"""Sweeps: plans, training of their members, and outcomes."""
