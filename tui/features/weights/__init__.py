"""What the first layer looks for, and the way through the network."""
