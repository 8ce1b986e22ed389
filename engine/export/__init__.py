"""Files for other programs: a model for PyTorch or ONNX, code for PyTorch, curves for TensorBoard."""
