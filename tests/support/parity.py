"""What comparing our networks with torch's takes: NHWC here, NCHW there."""

import math

import jax
import numpy as np
import torch


def images(*shape: int, seed: int = 0) -> np.ndarray:
  """Noise in [0, 1]."""
  return np.random.default_rng(seed).random(shape, np.float32)


def channels_first(x: np.ndarray) -> torch.Tensor:
  """For torch, in float64."""
  return torch.from_numpy(np.moveaxis(x, -1, 1)).double()


def channels_last(x: torch.Tensor) -> np.ndarray:
  """Back from torch."""
  return np.moveaxis(x.detach().numpy(), 1, -1)


def assert_trees_close(ours, theirs):
  """Every array to 1e-4 of its largest entry, as it stands in torch."""
  assert jax.tree.structure(ours) == jax.tree.structure(theirs)
  largest = max(np.abs(x).max() for x in jax.tree.leaves(theirs))

  def compare(path, a, b):
    # The floor is for gradients that vanish, as those of biases before a
    # normalization do: there the two differ in rounding alone.
    tolerance = 1e-4 * np.abs(b).max() + 1e-5 * largest
    name = jax.tree_util.keystr(path)
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=name)

  jax.tree_util.tree_map_with_path(compare, ours, theirs)


def num_parameters(module, *shape: int) -> int:
  """Counts them without making them, for an input of that shape."""
  x = jax.ShapeDtypeStruct(shape, np.float32)
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  return sum(math.prod(x.shape) for x in jax.tree.leaves(shapes["params"]))
