"""A digit drawn by hand."""
