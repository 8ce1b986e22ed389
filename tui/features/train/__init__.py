"""The dashboard: set, train, watch."""
