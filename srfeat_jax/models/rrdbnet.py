"""RRDBNet, the generator of ESRGAN (Wang et al. 2018, section 3.1)."""

import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import dense_block, fields, layers
from srfeat_jax.ops import pixels

_TRUNK_SCALE = 4  # the upsampling that scales 1, 2 and 4 end with


class RRDBNet(nn.Module):
  """Residual-in-residual dense blocks without normalization, as in BasicSR.

  A 3x3 convolution; blocks of three dense blocks each; a convolution and a
  skip over all blocks; twice nearest-neighbor doubling and a convolution; two
  more convolutions. Images are in [0, 1] throughout. For a scale of 1 or 2 the
  input is first moved into channels (pixel unshuffle, in PyTorch's order), so
  that the rest is the same; a height or width that is not divisible by
  `unshuffle` is mirrored up to one that is, and the surplus cut off the
  output. For a scale of 3, which BasicSR does not have, one nearest-neighbor
  tripling and a convolution stand for the two doublings, as in the authors'
  first code.

  Attributes:
    features: channels of the trunk.
    num_blocks: residual-in-residual blocks, of fifteen convolutions each.
    growth: channels that each convolution of a dense block adds.
    scale: scale factor, 1, 2, 3 or 4.
    residual_scale: what residuals are multiplied by before they are added
      (the paper's beta), in a dense block and around three of them.
    initializer: "dense_tenth": the dense blocks' kernels a tenth of He's
      normal with biases 0, the rest PyTorch's default (BasicSR); "tenth": a
      tenth everywhere (the authors' first code).
    dtype: compute dtype: "float32" or "bfloat16". Parameters and the output
      are float32 either way.
  """

  features: fields.Count = 64
  num_blocks: fields.Count = 23
  growth: fields.Count = 32
  scale: Literal[1, 2, 3, 4] = 4
  residual_scale: fields.Fraction = 0.2
  initializer: Literal["dense_tenth", "tenth"] = "dense_tenth"
  dtype: fields.Dtype = "float32"

  @property
  def unshuffle(self) -> int:
    """Side, in LR pixels, of the squares that are moved into channels."""
    return 1 if self.scale == 3 else _TRUNK_SCALE // self.scale

  @property
  def _factors(self) -> tuple[int, ...]:
    """Of the stages that upsample, after the trunk."""
    return layers.upsample_factors(self.scale * self.unshuffle)

  @property
  def receptive_radius(self) -> int:
    """LR pixels beyond which nothing influences an output pixel.

    That is 349 for the defaults, almost all of it a chain of convolutions each
    of which passes on little: as the overlap of tiles it is exact, but larger
    than most images.
    """
    radius = 2  # of the last two convolutions, in pixels of the output
    for factor in self._factors:
      radius = math.ceil((radius + 1) / factor)
    radius += 15 * self.num_blocks + 2
    # In unshuffled pixels; only the outermost output pixels of one reach so
    # far, so where in it an output pixel lies does not add to the distance.
    return radius * self.unshuffle

  @nn.compact
  def __call__(self, lr: jax.Array, train: bool = False) -> jax.Array:
    """Maps [b, h, w, 3] in [0, 1] to float32 [b, scale * h, scale * w, 3].

    The output is nominally in [0, 1] and not clipped; `train` has no effect.
    """
    del train
    dense_tenth = self.initializer == "dense_tenth"
    conv = functools.partial(
      layers.Conv,
      initializer="uniform" if dense_tenth else "kaiming_tenth",
      dtype=self.dtype,
    )
    activation = layers.LeakyReLU(0.2)

    head = conv(self.features, name="head")(self._unshuffled(lr))
    x = head
    for i in range(self.num_blocks):
      x = _ResidualInResidual(
        self.growth, self.residual_scale, self.dtype, name=f"blocks_{i}"
      )(x)
    x = head + conv(self.features, name="trunk")(x)

    for i, factor in enumerate(self._factors):
      x = x.repeat(factor, axis=1).repeat(factor, axis=2)
      x = activation(conv(self.features, name=f"upsample_{i}")(x))
    x = activation(conv(self.features, name="hr_conv")(x))
    y = conv(3, name="tail")(x).astype(jnp.float32)
    _, height, width, _ = lr.shape
    return y[:, : self.scale * height, : self.scale * width]

  def _unshuffled(self, lr: jax.Array) -> jax.Array:
    surplus = [(0, -length % self.unshuffle) for length in lr.shape[1:3]]
    padded = jnp.pad(lr, [(0, 0), *surplus, (0, 0)], mode="symmetric")
    return pixels.pixel_unshuffle(padded, self.unshuffle, order="CRD")


class _ResidualInResidual(nn.Module):
  """x + residual_scale * (three dense blocks of x)."""

  growth: int
  residual_scale: float
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps shape and dtype."""
    y = x
    for i in range(3):
      y = dense_block.DenseBlock(
        self.growth, self.residual_scale, self.dtype, name=f"dense_{i}"
      )(y)
    return x + self.residual_scale * y
