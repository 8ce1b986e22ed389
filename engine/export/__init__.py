"""Files for other programs: models, code in plain PyTorch, curves for TensorBoard."""
