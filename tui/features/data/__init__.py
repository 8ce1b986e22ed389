"""The data screen: the images that the model learns from."""
