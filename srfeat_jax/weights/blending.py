"""Interpolation between two generators of the same architecture."""

import jax
import numpy as np

from srfeat_jax import errors, models
from srfeat_jax.weights import architectures, lookup


def blend(first: str, second: str, alpha: float) -> lookup.Weights:
  """Network interpolation: (1 - alpha) * first + alpha * second.

  Between a PSNR-oriented generator and a GAN-trained one that started from it,
  this trades PSNR for perceptual quality (Wang et al. 2018, section 3.4).

  Args:
    first: as for `lookup.load`, the result for alpha = 0.
    second: likewise, the result for alpha = 1; of the same architecture.
    alpha: in [0, 1].

  Raises:
    errors.InputError: alpha is not in [0, 1]; or as `load_pair`.
  """
  if not 0 <= alpha <= 1:
    raise errors.InputError(
      f"alpha is {alpha}: expected a number from 0 (only {first}) to 1 (only"
      f" {second})"
    )
  return interpolate(*load_pair(first, second), alpha)


def load_pair(first: str, second: str) -> tuple[lookup.Weights, lookup.Weights]:
  """Loads two weights that can be interpolated.

  Raises:
    errors.InputError: as `lookup.load`; or they are of different architectures,
      in which case the message lists the fields that differ.
  """
  ours, theirs = lookup.load(first), lookup.load(second)
  differing = architectures.differences(
    models.build(ours.generator),
    models.build(theirs.generator),
    ours.variables,
    theirs.variables,
  )
  if differing:
    raise errors.InputError(
      f"{first} and {second} cannot be blended, because they are of different"
      f" architectures: {differing}"
    )
  return ours, theirs


def interpolate(
  first: lookup.Weights, second: lookup.Weights, alpha: float
) -> lookup.Weights:
  """(1 - alpha) * first + alpha * second, for a pair from `load_pair`."""
  variables = jax.tree.map(
    lambda a, b: (1 - alpha) * np.asarray(a) + alpha * np.asarray(b),
    first.variables,
    second.variables,
  )
  return lookup.Weights(first.generator, variables)
