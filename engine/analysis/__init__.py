"""Analyses of trained models and of runs: images, attacks, curves, comparisons."""
