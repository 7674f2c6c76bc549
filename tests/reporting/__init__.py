"""Tests of `srfeat_jax.reporting`."""
