"""The mistakes screen: misclassified validation images, one by one, in pages and by class."""
