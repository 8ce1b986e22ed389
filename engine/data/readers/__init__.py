"""Readers of the forms in which people have images and labels, each as `Stored`."""
