"""Tests; a package, for the benchmarks import the PyTorch networks here."""
