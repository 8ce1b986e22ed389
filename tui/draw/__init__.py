"""Pure functions from values to styled text; none knows a run."""
