"""Sources of images and labels: reading, checks, splits and descriptions."""
