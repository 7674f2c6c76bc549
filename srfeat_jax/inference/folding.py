"""BatchNorm folded into convolutions.

Once trained, a BatchNorm multiplies each channel by a factor and adds an
offset. The convolution whose output it takes can multiply itself, and adds the
offset too if it has biases; else the offset is all that is left of the
BatchNorm. The network does not change: `apply` skips in its calls what its
variables no longer hold.

Only pairs that are seen in the network's own calls are folded: what the
BatchNorm takes is the very array that the convolution returned. Whether nothing
else takes it too is not seen here; `equivalence` compares the results.
"""

import collections
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from srfeat_jax import models
from srfeat_jax.models import layers


def fold(generator: nn.Module, variables: Mapping[str, Any]) -> dict[str, Any]:
  """Folds each BatchNorm that directly follows a convolution.

  Args:
    generator: any generator, see `models`.
    variables: "params" and, with BatchNorm, "batch_stats".

  Returns:
    The variables with which `shifted` stands for each folded BatchNorm. A
    folded BatchNorm has no "batch_stats", and in "params" an offset ("bias") if
    its convolution has no bias. All else is unchanged.
  """
  if "batch_stats" not in variables:
    return dict(variables)
  params = traverse_util.flatten_dict(variables["params"])
  statistics = traverse_util.flatten_dict(variables["batch_stats"])
  for conv, norm, epsilon in _pairs(generator, variables):
    kernel = _exact(params[*conv, "kernel"])
    mean, variance = (
      _exact(statistics.pop((*norm, x))) for x in ("mean", "var")
    )
    factor = _exact(params.pop((*norm, "scale"), 1))
    shift = _exact(params.pop((*norm, "bias"), 0))
    factor = factor / np.sqrt(variance + epsilon)
    bias = _exact(params.get((*conv, "bias"), 0))
    shift = np.float32((bias - mean) * factor + shift)
    params[*conv, "kernel"] = np.float32(kernel * factor)
    place = conv if (*conv, "bias") in params else norm
    params[*place, "bias"] = shift
  folded = {**variables, "params": traverse_util.unflatten_dict(params)}
  del folded["batch_stats"]
  if statistics:
    folded["batch_stats"] = traverse_util.unflatten_dict(statistics)
  return folded


def is_folded(norm: nn.BatchNorm) -> bool:
  """Whether a BatchNorm, inside a call of its network, has been folded."""
  return not norm.has_variable("batch_stats", "mean")


def shifted(norm: nn.BatchNorm, x: jax.Array) -> jax.Array:
  """What a folded BatchNorm returns for the output of its convolution."""
  x = x.astype(norm.dtype or jnp.promote_types(x.dtype, jnp.float32))
  if norm.has_variable("params", "bias"):
    x = x + norm.get_variable("params", "bias").astype(x.dtype)
  return x


def _pairs(generator, variables) -> list[tuple[tuple, tuple, float]]:
  """The paths of each convolution and its BatchNorm, and the epsilon."""
  found: list[tuple[nn.Module, nn.BatchNorm]] = []
  outputs: list[tuple[Any, nn.Module]] = []
  calls = collections.Counter()

  def record(call, args, kwargs, context):
    module = context.module
    if context.method_name != "__call__":
      return call(*args, **kwargs)
    calls[module.path] += 1
    if isinstance(module, nn.BatchNorm) and args:
      found.extend((conv, module) for x, conv in outputs if x is args[0])
    result = call(*args, **kwargs)
    if type(module) in (layers.Conv, nn.Conv):  # others may do more than that
      outputs.append((result, module))
    return result

  with nn.intercept_methods(record):
    jax.eval_shape(generator.apply, variables, models.image_shape(generator))
  return [
    (conv.path, norm.path, norm.epsilon)
    for conv, norm in found
    if calls[conv.path] == calls[norm.path] == 1
    and not getattr(conv, "spectral_norm", False)
    and norm.axis in (-1, 3)
    and _fits(variables, conv.path, norm.path)
  ]


def _fits(variables, conv: tuple, norm: tuple) -> bool:
  """Whether both are of one layer, not of several stacked as by `nn.scan`."""
  params, statistics = variables["params"], variables["batch_stats"]
  for name in conv:
    params = params[name]
  for name in norm:
    statistics = statistics[name]
  kernel = params["kernel"]
  return kernel.ndim == 4 and statistics["mean"].shape == kernel.shape[-1:]


def _exact(x) -> np.ndarray:
  return np.asarray(x, np.float64)
