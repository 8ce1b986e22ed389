"""Widgets and dialogs of the app's own; none knows a run."""
