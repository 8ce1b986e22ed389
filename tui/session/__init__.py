"""The run that the app has open, and what several features show of it."""
