"""Single-image super-resolution in JAX/Flax: train, judge and use it."""

__version__ = "0.1.0"
