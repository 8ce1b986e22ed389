"""The panes: each shows plain values and posts its own messages."""
