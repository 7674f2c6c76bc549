"""BatchNorm folded into convolutions.

Once trained, a BatchNorm multiplies each channel by a factor and adds an
offset, and the convolution before it can do both itself.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax import traverse_util

from srfeat_jax import models
from srfeat_jax.models import layers


def fold(
  generator: nn.Module, variables: Mapping[str, Any]
) -> tuple[nn.Module, dict[str, Any]]:
  """Folds every BatchNorm into the convolution called before it.

  Args:
    generator: one of `models.build`.
    variables: "params" and, with BatchNorm, "batch_stats".

  Returns:
    The generator, whose convolutions now have biases, and its "params". The
    BatchNorms have none any more: whoever applies the generator has to skip
    these layers, as `tile_program` does. Without BatchNorm, `generator` and
    `variables` are returned unchanged.
  """
  if "batch_stats" not in variables:
    return generator, dict(variables)
  params = traverse_util.flatten_dict(variables["params"])
  statistics = traverse_util.flatten_dict(variables["batch_stats"])
  for conv, norm, epsilon in _pairs(generator, variables):
    scale, shift = (_exact(params.pop((*norm, x))) for x in ("scale", "bias"))
    mean, variance = (_exact(statistics[*norm, x]) for x in ("mean", "var"))
    scale = scale / np.sqrt(variance + epsilon)
    bias = _exact(params.get((*conv, "bias"), 0))
    kernel = _exact(params[*conv, "kernel"])
    params[*conv, "kernel"] = np.float32(kernel * scale)
    params[*conv, "bias"] = np.float32((bias - mean) * scale + shift)
  params = traverse_util.unflatten_dict(params)
  return generator.clone(block_bias=True), {"params": params}


def _pairs(generator, variables) -> list[tuple[tuple, tuple, float]]:
  """The paths of each convolution and its BatchNorm, and the epsilon."""
  pairs, convs = [], []

  def record(call, args, kwargs, context):
    module = context.module
    if context.method_name == "__call__":
      if isinstance(module, layers.Conv):
        convs.append(module.path)
      elif isinstance(module, nn.BatchNorm):
        pairs.append((convs[-1], module.path, module.epsilon))
    return call(*args, **kwargs)

  with nn.intercept_methods(record):
    jax.eval_shape(generator.apply, variables, models.image_shape())
  return pairs


def _exact(x) -> np.ndarray:
  return np.asarray(x, np.float64)
