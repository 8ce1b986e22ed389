"""Fault injection: damaged files at every offset, and `kill -9` at random moments.

    python -m tests.faults [--kills N] [--sweep-kills N] [--step N]

A short form of it is part of the tests.
"""
