"""The weights screen: the first layer as images, and an image's path through the network."""
