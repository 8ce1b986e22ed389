"""The processes: how one begins, what it is asked and told, how it ends."""
