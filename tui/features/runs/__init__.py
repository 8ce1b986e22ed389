"""All that was trained."""
