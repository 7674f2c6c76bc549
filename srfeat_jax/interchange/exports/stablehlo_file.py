"""A generator as one StableHLO program, weights included, for any image size.

  from jax import export
  program = export.deserialize(bytearray(open("x.stablehlo", "rb").read()))
  sr = program.call(lr)

`lr` is float32 [b, h, w, 3] in [0, 1], `sr` float32 [b, scale * h, scale * w,
3], not clipped. It runs on CPUs, CUDA and TPUs, without this package and flax.
JAX promises to read it for six months, so keep the weights as well.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from srfeat_jax import atomic, errors, models

PLATFORMS = ("cpu", "cuda", "tpu")


def save(
  path: pathlib.Path, generator: Mapping[str, Any], variables: Mapping
) -> None:
  """Writes the program, whole or not at all.

  Args:
    path: the file to write; replaced if it exists.
    generator: the config that `models.build` takes.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: flatbuffers is missing, or the file cannot be written.
  """
  try:
    import flatbuffers  # noqa: F401, which jax.export needs to serialize
  except ImportError as error:
    raise errors.InputError(
      "StableHLO needs flatbuffers: run launch/install.sh stablehlo, or pip"
      ' install "flatbuffers>=24"'
    ) from error
  module = models.build(generator)
  unshuffle = getattr(module, "unshuffle", 1)

  def upscale(lr: jax.Array) -> jax.Array:
    _, height, width, _ = lr.shape
    for axis in (1, 2) if unshuffle > 1 else ():
      # The network mirrors by itself, but only sizes that are known.
      length = lr.shape[axis]
      squares = (length + unshuffle - 1) // unshuffle
      i = jnp.arange(squares * unshuffle) % (2 * length)
      lr = jnp.take(lr, jnp.minimum(i, 2 * length - 1 - i), axis)
    sr = module.apply(variables, lr)
    return sr[:, : module.scale * height, : module.scale * width]

  batch, height, width = export.symbolic_shape("b, h, w")
  lr = jax.ShapeDtypeStruct((batch, height, width, 3), "float32")
  with jax.default_matmul_precision("highest"):
    program = export.export(jax.jit(upscale), platforms=PLATFORMS)(lr)
  atomic.replace(path, bytes(program.serialize()))
