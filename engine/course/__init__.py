"""The course: the training loop as an exercise, and its checks."""
