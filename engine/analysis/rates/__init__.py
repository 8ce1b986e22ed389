"""Which learning rate is too low, good, or too high."""
