"""What the model learns from."""
