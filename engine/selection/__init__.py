"""Which images and which runs a person wants to see, and in which order."""
