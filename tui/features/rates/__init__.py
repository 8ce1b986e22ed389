"""Learning rates that are too low, good and too high."""
