"""What a training process writes while it goes on, and how safely."""
