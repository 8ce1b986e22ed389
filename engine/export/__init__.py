"""Files for other programs: a model for PyTorch or ONNX, curves for TensorBoard."""
