"""A discriminator with one logit per pixel; see `models` for its use."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import fields, layers
from srfeat_jax.ops import resize

_LEVELS = 3  # how many times height and width are halved, and doubled again


class UNetDiscriminator(nn.Module):
  """The U-Net discriminator of Real-ESRGAN (Wang et al., ICCVW 2021).

  A 3x3 convolution; three 4x4 ones of stride 2, each doubling the channels;
  three times a bilinear upscaling and a 3x3 convolution that halves them,
  whose result the encoder's feature map of that size is added to; three 3x3
  convolutions. All but the first and the last are without bias and spectrally
  normalized. Images are in [0, 1]; weights start as PyTorch's do.

  A logit per pixel tells the generator where an image looks wrong, which the
  logit of a whole image averages away.

  Attributes:
    features: channels at full size, an eighth of those at the smallest.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, the spectral
      norms and the last layer are float32 either way.
  """

  features: fields.Count = 64
  dtype: fields.Dtype = "float32"

  def mismatch(self, size: int) -> str:
    """Returns why it cannot take [b, size, size, c], "" if it can."""
    if size % 2**_LEVELS == 0:
      return ""
    return (
      f"architecture: unet halves height and width {_LEVELS} times, so it"
      f" takes multiples of {2**_LEVELS}, but its input is {size}x{size};"
      " change the crop size, or choose srgan with logits patch"
    )

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] in [0, 1] to logits [b, h, w]."""
    if x.ndim != 4 or x.shape[1] % 2**_LEVELS or x.shape[2] % 2**_LEVELS:
      raise ValueError(
        "this discriminator is for [b, h, w, c], h and w multiples of"
        f" {2**_LEVELS}, not {x.shape}"
      )
    x = self._conv(0, self.features, x, use_bias=True)
    skips = []
    for level in range(_LEVELS):
      skips.append(x)
      x = self._conv(
        1 + level,
        2 ** (level + 1) * self.features,
        x,
        kernel_size=4,
        stride=2,
        spectral_norm=True,
      )
    for level in reversed(range(_LEVELS)):
      x = resize.resize(x, 2, "bilinear")
      x = skips[level] + self._conv(
        2 * _LEVELS - level, 2**level * self.features, x, spectral_norm=True
      )
    for i in (1, 2):
      x = self._conv(2 * _LEVELS + i, self.features, x, spectral_norm=True)
    logits = layers.Conv(1, name=f"conv_{2 * _LEVELS + 3}")(x)
    return logits[..., 0].astype(jnp.float32)

  def _conv(self, i, features, x, *, use_bias=False, **options) -> jax.Array:
    """A convolution and its activation."""
    x = layers.Conv(
      features,
      use_bias=use_bias,
      dtype=self.dtype,
      name=f"conv_{i}",
      **options,
    )(x)
    return layers.LeakyReLU(0.2)(x)
