"""Discriminators: networks that tell real images, or features, from fake ones.

They map images or features [b, h, w, c] to float32 logits, above 0 for real:
one an image, [b], or one a position, [b, h', w']. Batch normalization always
uses the statistics of the batch itself, as the authors of SRFeat do it, so real
and fake images take two calls, each a batch of its own:

  variables = discriminator.init(key, hr)
  real, updates = discriminator.apply(
    variables, hr, mutable=["batch_stats"])
  fake = discriminator.apply({**variables, **updates}, sr)

The state, where a network has any, is that of spectral normalization: a call
with `mutable` advances it, any other leaves it. Each module's
`mismatch(size)` says why it cannot take inputs of a size, "" if it can; its
fields' types declare what is legal, see `fields`.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import fields, layers

Logits = Literal["image", "patch"]


class SRGANDiscriminator(nn.Module):
  """The discriminator of SRGAN (Ledig et al., CVPR 2017, figure 4).

  Eight 3x3 convolutions with biases, each second one of stride 2, the numbers
  of channels doubling from pair to pair, all but the first normalized; a dense
  layer; the logit. What the paper leaves open is as in SRFeat's code, where
  this network takes images of 296 px and, with other weights, VGG features.

  With a logit a patch, one 3x3 convolution of the last feature map stands for
  the dense layers, as in PatchGAN (Isola et al., CVPR 2017): each logit is of
  the surroundings of its position, so local artifacts are not averaged away.

  Attributes:
    logits: "image", one logit an image, or "patch", one for each 16x16 pixels
      of the input.
    input_size: height and width of the input: 96 in SRGAN; 296 in SRFeat, and
      for its features 19, what four rounding-up poolings leave of that.
      Without effect for patches, whose input may have any size.
    symmetric_input: whether the input, in [0, 1], is first mapped to [-1, 1]:
      so for images; features are taken as they are.
    features: channels of the first convolution, an eighth of the last's.
    hidden: outputs of the first dense layer. Without effect for patches.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalizations and the last layer are float32 either way.
  """

  input_size: fields.Count = 296
  symmetric_input: bool = True
  features: fields.Count = 64
  hidden: fields.Count = 1024
  dtype: fields.Dtype = "float32"
  logits: Logits = "image"

  def mismatch(self, size: int) -> str:
    """Returns why it cannot take [b, size, size, c], "" if it can."""
    return _mismatch(self.input_size, size) if self.logits == "image" else ""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to logits [b], or [b, ceil(h / 16), ceil(w / 16)].

    For a logit an image, h and w are `input_size`.
    """
    if self.logits == "image":
      _check_shape(x, self.input_size)
    x = _feature_map(
      2 * x - 1 if self.symmetric_input else x,
      widths=[factor * self.features for factor in (1, 2, 4, 8)],
      halving_kernel=3,
      normalized_bias=True,
      initializer="he_truncated",
      dtype=self.dtype,
    )
    if self.logits == "patch":
      logits = layers.Conv(1, initializer="he_truncated", name="logit")(x)
      return logits[..., 0].astype(jnp.float32)
    return _image_logits(x, self.hidden, "truncated_tenth", self.dtype)


class VGGStyleDiscriminator(nn.Module):
  """The discriminator of ESRGAN, as in BasicSR.

  Five pairs of a 3x3 convolution and a 4x4 one of stride 2, all but the first
  normalized and without bias; a dense layer; the logit. Images are in [0, 1];
  weights start as PyTorch's do.

  Attributes:
    input_size: height and width of the input.
    features: channels of the first pair, an eighth of those of the last two.
    hidden: outputs of the first dense layer.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalizations and the last layer are float32 either way.
  """

  input_size: fields.Count = 128
  features: fields.Count = 64
  hidden: fields.Count = 100
  dtype: fields.Dtype = "float32"

  def mismatch(self, size: int) -> str:
    """Returns why it cannot take [b, size, size, c], "" if it can."""
    return _mismatch(self.input_size, size)

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, input_size, input_size, c] to logits [b]."""
    _check_shape(x, self.input_size)
    x = _feature_map(
      x,
      widths=[factor * self.features for factor in (1, 2, 4, 8, 8)],
      halving_kernel=4,
      normalized_bias=False,
      initializer="uniform",
      dtype=self.dtype,
    )
    return _image_logits(x, self.hidden, "uniform", self.dtype)


def _mismatch(expected: int, size: int) -> str:
  if size == expected:
    return ""
  return (
    f"input_size: the discriminator is built for {expected}x{expected}, but its"
    f" input is {size}x{size}; set it to {size}, or change the crop size"
  )


def _check_shape(x: jax.Array, size: int):
  if x.ndim != 4 or x.shape[1:3] != (size, size):
    raise ValueError(
      f"this discriminator is for [b, {size}, {size}, c], not {x.shape}"
    )


def _feature_map(
  x: jax.Array,
  *,
  widths: list[int],
  halving_kernel: int,
  normalized_bias: bool,
  initializer: str,
  dtype: str,
) -> jax.Array:
  """The convolutions of a discriminator, as submodules of the calling one.

  Args:
    x: [b, h, w, c].
    widths: channels of each pair of convolutions, the second of stride 2.
    halving_kernel: side of that second one's kernel.
    normalized_bias: whether convolutions before a normalization have biases.
    initializer: of the convolutions, see `layers`.
    dtype: compute dtype.

  Returns:
    The last feature map, in the compute dtype.
  """
  for i in range(2 * len(widths)):
    halves = i % 2 == 1
    x = layers.Conv(
      widths[i // 2],
      kernel_size=halving_kernel if halves else 3,
      stride=2 if halves else 1,
      use_bias=normalized_bias or i == 0,
      initializer=initializer,
      dtype=dtype,
      name=f"conv_{i}",
    )(x)
    if i > 0:
      x = layers.StatelessBatchNorm(dtype=dtype, name=f"norm_{i}")(x)
    x = layers.LeakyReLU(0.2)(x)
  return x


def _image_logits(
  x: jax.Array, hidden: int, initializer: str, dtype: str
) -> jax.Array:
  """Two dense layers on a flattened map: a float32 logit an image, [b]."""
  dense = functools.partial(layers.Dense, initializer=initializer)
  x = dense(hidden, dtype=dtype, name="hidden")(x.reshape(len(x), -1))
  x = layers.LeakyReLU(0.2)(x)
  return dense(1, name="logit")(x).astype(jnp.float32)[:, 0]
