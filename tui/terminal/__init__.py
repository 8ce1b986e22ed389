"""How the app shares a terminal with a person at the far end of a line."""
