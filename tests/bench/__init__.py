"""Benchmarks: each thing against a baseline in the same run, alternated, as medians."""

import os

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled once, not always
