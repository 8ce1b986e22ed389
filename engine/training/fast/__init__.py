"""Steps of training equal to the textbook's, but faster."""
