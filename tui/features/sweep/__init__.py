"""The sweep screen: many runs at once, side by side."""
