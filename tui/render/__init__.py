"""Pure functions from values to terminal text."""
