"""Discriminators: networks that tell real images, or features, from made ones.

Input is [b, s, s, c] with s the field `input_size`; output a float32 logit an
image, [b], above 0 for what is judged real. There are parameters only: batch
normalisation is always by the batch at hand, as the authors of SRFeat do it, so
real and made images are to be judged in two calls, each a batch of its own:

  real = discriminator.apply({"params": params}, hr)
  fake = discriminator.apply({"params": params}, sr)
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import layers


class SRGANDiscriminator(nn.Module):
  """The discriminator of SRGAN (Ledig et al., CVPR 2017, figure 4).

  Eight 3x3 convolutions with biases, each second one of stride 2, the numbers
  of channels doubling from pair to pair, all but the first normalised; a dense
  layer; the logit. What the paper leaves open is as in SRFeat's code, where
  this network judges images of 296 px and, from other weights, VGG features.

  Attributes:
    input_size: Height and width of what is judged: 96 in SRGAN; 296 in SRFeat,
      and for its features 19, what four rounding-up poolings leave of that.
    symmetric_input: Whether the input, in [0, 1], is first mapped to [-1, 1]:
      so for images; features are taken as they are.
    features: Channels of the first convolution, an eighth of the last's.
    hidden: Outputs of the first dense layer.
    dtype: Compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalisations and the last layer are float32 either way.
  """

  input_size: int = 296
  symmetric_input: bool = True
  features: int = 64
  hidden: int = 1024
  dtype: layers.Dtype = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, input_size, input_size, c] to logits [b]."""
    _check_shape(x, self.input_size)
    return _logits(
      2 * x - 1 if self.symmetric_input else x,
      widths=[factor * self.features for factor in (1, 2, 4, 8)],
      halving_kernel=3,
      normalized_bias=True,
      hidden=self.hidden,
      conv_initializer="he_truncated",
      dense_initializer="truncated_tenth",
      dtype=self.dtype,
    )


class VGGStyleDiscriminator(nn.Module):
  """The discriminator of ESRGAN, as in BasicSR.

  Five pairs of a 3x3 convolution and a 4x4 one of stride 2, all but the first
  normalised and without bias; a dense layer; the logit. Images are in [0, 1];
  weights start as PyTorch's do.

  Attributes:
    input_size: Height and width of what is judged.
    features: Channels of the first pair, an eighth of those of the last two.
    hidden: Outputs of the first dense layer.
    dtype: Compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalisations and the last layer are float32 either way.
  """

  input_size: int = 128
  features: int = 64
  hidden: int = 100
  dtype: layers.Dtype = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, input_size, input_size, c] to logits [b]."""
    _check_shape(x, self.input_size)
    return _logits(
      x,
      widths=[factor * self.features for factor in (1, 2, 4, 8, 8)],
      halving_kernel=4,
      normalized_bias=False,
      hidden=self.hidden,
      conv_initializer="uniform",
      dense_initializer="uniform",
      dtype=self.dtype,
    )


def _check_shape(x: jax.Array, size: int):
  if x.ndim != 4 or x.shape[1:3] != (size, size):
    raise ValueError(
      f"this discriminator is for [b, {size}, {size}, c], not {x.shape}"
    )


def _logits(
  x: jax.Array,
  *,
  widths: list[int],
  halving_kernel: int,
  normalized_bias: bool,
  hidden: int,
  conv_initializer: str,
  dense_initializer: str,
  dtype: str,
) -> jax.Array:
  """The layers of a discriminator, made within the module that calls.

  Args:
    x: [b, h, w, c].
    widths: Channels of each pair of convolutions, the second of stride 2.
    halving_kernel: Side of that second one's kernel.
    normalized_bias: Whether convolutions before a normalisation have biases.
    hidden: Outputs of the first dense layer.
    conv_initializer: Of the convolutions, see `layers`.
    dense_initializer: Of the dense layers.
    dtype: Compute dtype.

  Returns:
    Float32 [b].
  """
  dense = functools.partial(layers.Dense, initializer=dense_initializer)
  activation = layers.LeakyReLU(0.2)
  for i in range(2 * len(widths)):
    halves = i % 2 == 1
    x = layers.Conv(
      widths[i // 2],
      kernel_size=halving_kernel if halves else 3,
      stride=2 if halves else 1,
      use_bias=normalized_bias or i == 0,
      initializer=conv_initializer,
      dtype=dtype,
      name=f"conv_{i}",
    )(x)
    if i > 0:
      x = layers.StatelessBatchNorm(dtype=dtype, name=f"norm_{i}")(x)
    x = activation(x)
  x = x.reshape(len(x), -1)
  x = activation(dense(hidden, dtype=dtype, name="hidden")(x))
  return dense(1, name="logit")(x).astype(jnp.float32)[:, 0]
