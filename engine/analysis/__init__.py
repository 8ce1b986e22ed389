"""What is asked of a trained model, and read from runs: images, attacks, curves, comparisons."""
