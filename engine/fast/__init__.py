"""The fast steps of a training, equal to the textbook's."""
