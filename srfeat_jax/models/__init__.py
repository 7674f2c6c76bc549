"""Networks as linen modules, and functions that make them from a config.

A generator maps images [b, h, w, 3] in [0, 1] to float32 images
[b, scale * h, scale * w, 3], nominally in [0, 1]:

  generator = models.build({"architecture": "srfeat"})
  variables = models.init(generator, key)
  sr = generator.apply(variables, lr)
  sr, updates = generator.apply(
    variables, lr, train=True, mutable=["batch_stats"])

Apart from its fields, whose types declare what is legal (see `fields`), it has

  scale             the scale factor;
  receptive_radius  the distance, in LR pixels, beyond which an input pixel
                    cannot influence an output pixel;
  unshuffle         the side, in LR pixels, of the squares that it first moves
                    into channels, or by which it moves windows; may be left out
                    where that is 1. Other sizes than multiples of it are
                    mirrored up to one; the network may do so or refuse them.

Training takes two things more:

- The argument `train`, False unless set: whether BatchNorm uses, and updates,
  the statistics of the batch.
- A field `dtype`, the compute dtype, "float32" or "bfloat16", if it is to be
  chosen; the output is float32 either way.

Layers may be flax's or of one's own. Upscalers find out what they may do to
a network by comparing with its plain results (see `inference.equivalence`), and
leave out what would change these. So the following costs time or memory, never
accuracy:

- Zero padding is kept at the edges of an image that is smaller than its tile if
  it is that of `layers.Conv`, `flax.linen.Conv` or `flax.linen.ConvTranspose`.
  With other padding, or convolutions written by hand, each size of image is
  compiled for.
- A `flax.linen.BatchNorm` is folded into the `layers.Conv` or `flax.linen.Conv`
  whose output it takes, if nothing else takes that. Others are computed.
- An operation on a whole feature map, such as global average pooling, instance
  normalization or attention over all positions, gives a tile another result
  than the image. Such a network gets whole images, as far as memory allows, and
  larger ones are refused.

A new generator takes a module here and a line in `GENERATORS`.

A discriminator tells real images, or features, from fake ones. It maps
[b, h, w, c] to float32 logits, above 0 for real: one per image, [b], or one per
position, [b, h', w']. Batch normalization always uses the statistics of the
batch itself, as the authors of SRFeat do it, so real and fake images take two
calls, each with a batch of its own:

  variables = discriminator.init(key, hr)
  real, updates = discriminator.apply(
    variables, hr, mutable=["batch_stats"])
  fake = discriminator.apply({**variables, **updates}, sr)

The state, where a network has any, is that of spectral normalization: a call
with `mutable` advances it, any other leaves it. Each module's `mismatch(size)`
says why it cannot take inputs of a size, "" if it can. A new discriminator
takes a module here and a line in `DISCRIMINATORS`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import (
  fields,
  rrdbnet,
  srfeat,
  srgan_discriminator,
  srresnet,
  unet_discriminator,
  vgg_style_discriminator,
)

GENERATORS: Mapping[str, type[nn.Module]] = {
  "srfeat": srfeat.SRFeat,
  "srresnet": srresnet.SRResNet,
  "msrresnet": srresnet.MSRResNet,
  "rrdbnet": rrdbnet.RRDBNet,
}
DISCRIMINATORS: Mapping[str, type[nn.Module]] = {
  "srgan": srgan_discriminator.SRGANDiscriminator,
  "vgg_style": vgg_style_discriminator.VGGStyleDiscriminator,
  "unet": unet_discriminator.UNetDiscriminator,
}
_PROBE = 8  # side of a small image


def build(config: Mapping[str, Any]) -> nn.Module:
  """Makes a generator.

  Args:
    config: "architecture", one of `GENERATORS`, and any of that module's
      fields; the others keep their defaults.

  Returns:
    The module, without variables.

  Raises:
    errors.InputError: an architecture or field does not exist, a value is not
      one the field takes, or the field's type does not say what that is.
  """
  return _build(GENERATORS, config, "generator")


def build_discriminator(
  config: Mapping[str, Any], size: int, name: str = "discriminator"
) -> nn.Module:
  """Makes a discriminator.

  Args:
    config: "architecture", one of `DISCRIMINATORS`, and any of that module's
      fields; the others keep their defaults. An `input_size` of 0 stands for
      `size`.
    size: height and width of its inputs: of the crops, or of their feature
      maps.
    name: what the config is called, for messages.

  Returns:
    The module, without variables.

  Raises:
    errors.InputError: an architecture or field does not exist, a value is not
      one the field takes, or the network cannot take that size.
  """
  values = dict(config)
  if values.get("input_size") == 0:
    values["input_size"] = size
  discriminator = _build(DISCRIMINATORS, values, name)
  mismatch = discriminator.mismatch(size)
  if mismatch:
    raise errors.InputError(f"{name}.{mismatch}")
  return discriminator


def init(generator: nn.Module, key: jax.Array) -> dict[str, Any]:
  """A generator's initial variables, "params" and any "batch_stats"."""
  return generator.init(key, jnp.zeros(image_shape(generator).shape))


def shapes(generator: nn.Module) -> dict[str, Any]:
  """The tree of `init`, of `jax.ShapeDtypeStruct` in place of arrays."""
  return jax.eval_shape(
    generator.init, jax.random.key(0), image_shape(generator)
  )


def image_shape(generator: nn.Module) -> jax.ShapeDtypeStruct:
  """Of a small image that a generator takes, to trace it without data."""
  side = _PROBE + -_PROBE % getattr(generator, "unshuffle", 1)
  return jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)


def fields_of(module: type[nn.Module] | nn.Module) -> dict[str, Any]:
  """The declared types of the fields that a config may set, by name."""
  return {
    field.name: field.type
    for field in dataclasses.fields(module)
    if field.name not in ("parent", "name")  # every linen module has these
  }


def _build(
  known: Mapping[str, type[nn.Module]], config: Mapping[str, Any], owner: str
) -> nn.Module:
  """Makes one of the known modules from the config that `owner` is called by.

  Raises:
    errors.InputError: see `build`.
  """
  values = dict(config)
  architecture = values.pop("architecture", None)
  if architecture not in tuple(known):  # which may be of any type
    raise errors.InputError(
      f"{owner}.architecture: expected {_either(known)}, got {architecture!r}"
    )
  module = known[architecture]
  declared = fields_of(module)
  for name, value in values.items():
    if name not in declared:
      raise errors.InputError(
        f"{owner}.{name}: {architecture} has no such field; expected one of"
        f" {', '.join(declared)}"
      )
    try:
      expected = fields.expected(value, declared[name])
    except TypeError as error:  # of a network of the user's
      raise errors.InputError(
        f"{module.__name__}.{name}: {error}: declare it bool, a Literal or a"
        " number with its range, such as fields.Count, see"
        " srfeat_jax/models/fields.py"
      ) from error
    if expected:
      raise errors.InputError(
        f"{owner}.{name}: expected {expected}, got {value!r}"
      )
  return module(**values)


def _either(names: Mapping[str, Any]) -> str:
  *others, last = names
  return f"{', '.join(others)} or {last}"
