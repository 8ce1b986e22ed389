"""Adversarial attacks on one image, and robustness on all."""
