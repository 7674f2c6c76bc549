"""Tests of srfeat_jax.batches."""
