"""The parameters of a layer."""

from collections.abc import Callable

import jax
import numpy as np
from flax import linen as nn


def of(
  module: nn.Module, name: str, init: Callable, shape: tuple[int, ...]
) -> jax.Array:
  """The module's parameter, which is made if it is not there yet.

  The same as `module.param`, but the shape of what is there is compared with
  `shape`. flax traces the initializer to find out the shape, which took half of
  the time that it takes to trace a network.

  Args:
    module: in its compact method.
    name: of the parameter.
    init: makes it, from a key and the shape.
    shape: expected of it.

  Raises:
    flax.errors.ScopeParamShapeError: what is there has another shape.
    flax.errors.ScopeParamNotFoundError: it is not there, and none are made now.
  """
  if module.has_variable("params", name):
    found = module.get_variable("params", name)
    if np.shape(found) == shape:
      return found
  return module.param(name, init, shape)
