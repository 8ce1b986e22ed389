"""What the model gets wrong, image by image."""
