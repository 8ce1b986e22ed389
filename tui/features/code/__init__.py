"""The settings of the form as a plain PyTorch script or notebook."""
