"""Networks as linen modules, and functions that make them from a config.

A generator maps images [b, h, w, 3] in [0, 1] to float32 images
[b, scale * h, scale * w, 3], nominally in [0, 1]:

  variables = generator.init(key, lr)
  sr = generator.apply(variables, lr)
  sr, updates = generator.apply(
    variables, lr, train=True, mutable=["batch_stats"])

`generator.scale` is its enlargement; `generator.receptive_radius` the distance,
in LR pixels, beyond which an input pixel cannot influence an output pixel.
Discriminators are described in `discriminators`.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import (
  discriminators,
  rrdbnet,
  srfeat,
  srresnet,
  unet_discriminator,
)


def build(config: Mapping[str, Any]) -> nn.Module:
  """Makes a generator.

  Args:
    config: "architecture" ("srfeat", "srresnet", "msrresnet" or "rrdbnet"),
      and any of that module's fields; the others keep their defaults.

  Returns:
    The module, without variables.

  Raises:
    errors.InputError: An architecture or field does not exist, or a value is
      not one the field takes.
  """
  architecture = config.get("architecture")
  match architecture:
    case "srfeat":
      module = srfeat.SRFeat
    case "srresnet":
      module = srresnet.SRResNet
    case "msrresnet":
      module = srresnet.MSRResNet
    case "rrdbnet":
      module = rrdbnet.RRDBNet
    case _:
      raise errors.InputError(
        "generator.architecture: expected srfeat, srresnet, msrresnet or "
        f"rrdbnet, got {architecture!r}"
      )
  return _make(module, config, "generator")


def build_discriminator(
  config: Mapping[str, Any], size: int, name: str = "discriminator"
) -> nn.Module:
  """Makes a discriminator.

  Args:
    config: "architecture" ("srgan", "vgg_style" or "unet"), and any of that
      module's fields; the others keep their defaults.
    size: Height and width of what it will be given: of the crops, or of their
      feature maps.
    name: What the config is called, for messages.

  Returns:
    The module, without variables.

  Raises:
    errors.InputError: An architecture or field does not exist, a value is not
      one the field takes, or the network cannot take that size.
  """
  architecture = config.get("architecture")
  match architecture:
    case "srgan":
      module = discriminators.SRGANDiscriminator
    case "vgg_style":
      module = discriminators.VGGStyleDiscriminator
    case "unet":
      module = unet_discriminator.UNetDiscriminator
    case _:
      raise errors.InputError(
        f"{name}.architecture: expected srgan, vgg_style or unet, got "
        f"{architecture!r}"
      )
  discriminator = _make(module, config, name)
  mismatch = discriminator.mismatch(size)
  if mismatch:
    raise errors.InputError(f"{name}.{mismatch}")
  return discriminator


def _make(
  module: type[nn.Module], config: Mapping[str, Any], owner: str
) -> nn.Module:
  """Fills the module's fields from the config that the owner is called by."""
  fields = {
    field.name: field
    for field in dataclasses.fields(module)
    if field.name not in ("parent", "name")
  }
  values = dict(config)
  architecture = values.pop("architecture")
  for name, value in values.items():
    if name not in fields:
      raise errors.InputError(
        f"{owner}.{name}: {architecture} has no such field; expected one of "
        f"{', '.join(fields)}"
      )
    expected = _mismatch(value, fields[name])
    if expected:
      raise errors.InputError(
        f"{owner}.{name}: expected {expected}, got {value!r}"
      )
  return module(**values)


def _mismatch(value: Any, field: dataclasses.Field) -> str:
  """Returns what the field takes if that is not the value, else ""."""
  choices = typing.get_args(field.type)
  # The exact type: True is an int too, and 4.0 equals 4.
  valid = type(value) is type(field.default)
  if choices:
    expected = f"one of {', '.join(map(str, choices))}"
    valid = valid and value in choices
  elif isinstance(field.default, bool):
    expected = "True or False"
  elif isinstance(field.default, int):
    expected = "a whole number above 0"
    valid = valid and value > 0
  else:
    expected = "a number between 0 and 1"
    valid = valid and 0 < value <= 1
  return "" if valid else expected
