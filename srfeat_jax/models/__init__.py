"""Networks as linen modules, and `build`, which makes them from a config.

A generator maps images [b, h, w, 3] in [0, 1] to float32 images
[b, scale * h, scale * w, 3], nominally in [0, 1]:

  variables = generator.init(key, lr)
  sr = generator.apply(variables, lr)
  sr, updates = generator.apply(
    variables, lr, train=True, mutable=["batch_stats"])

`generator.scale` is its enlargement; `generator.receptive_radius` the distance,
in LR pixels, beyond which an input pixel cannot influence an output pixel.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import srfeat, srresnet

_CHOICES = {
  "scale": (2, 4, 8),
  "initializer": ("normal", "uniform"),
  "residual_base": ("none", "bilinear", "bicubic"),
  "dtype": ("float32", "bfloat16"),
}


def build(config: Mapping[str, Any]) -> nn.Module:
  """Makes a generator.

  Args:
    config: "architecture" ("srfeat", "srresnet" or "msrresnet"), and any of
      that module's fields; the others keep their defaults.

  Returns:
    The module, without variables.

  Raises:
    errors.InputError: An architecture or field does not exist, or a value is
      not one the field takes.
  """
  values = dict(config)
  architecture = values.pop("architecture", None)
  match architecture:
    case "srfeat":
      module = srfeat.SRFeat
    case "srresnet":
      module = srresnet.SRResNet
    case "msrresnet":
      module = srresnet.MSRResNet
    case _:
      raise errors.InputError(
        "generator.architecture: expected srfeat, srresnet or msrresnet, got "
        f"{architecture!r}"
      )

  defaults = {
    field.name: field.default
    for field in dataclasses.fields(module)
    if field.name not in ("parent", "name")
  }
  for name, value in values.items():
    if name not in defaults:
      raise errors.InputError(
        f"generator.{name}: {architecture} has no such field; expected one of "
        f"{', '.join(defaults)}"
      )
    _check(name, value, defaults[name])
  return module(**values)


def _check(name: str, value: Any, default: Any):
  """Raises InputError unless the field takes the value."""
  # The exact type: True is an int too, and 4.0 equals 4.
  valid = type(value) is type(default)
  if name in _CHOICES:
    expected = f"one of {', '.join(map(str, _CHOICES[name]))}"
    valid = valid and value in _CHOICES[name]
  elif isinstance(default, bool):
    expected = "True or False"
  elif isinstance(default, int):
    expected = "a whole number above 0"
    valid = valid and value > 0
  else:
    expected = "a number between 0 and 1"
    valid = valid and 0 < value < 1
  if not valid:
    raise errors.InputError(
      f"generator.{name}: expected {expected}, got {value!r}"
    )
