"""DISTS, a distance of structure and texture (Ding et al. 2020).

Means and covariances of VGG-16's feature maps, over the whole image, are
compared as SSIM compares those of pixels. So texture of the same kind is
similar even where its pixels differ.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from srfeat_jax.models import parameter, vgg16

CHANNELS = (3, *vgg16.CHANNELS)  # the image itself comes first
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_CONSTANT = 1e-6  # both of SSIM's
_SMALLEST_SQUARE = 1e-12


class DISTS(nn.Module):
  """The distance: 0 for equal images, and 1 for those with nothing in common.

  Images are compared at their own size. The authors first shrink images to 256
  pixels on the shorter side, and challenges since then do not.
  """

  @nn.compact
  def __call__(self, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compares images pair by pair.

    Args:
      a: [n, H, W, 3], RGB in [0, 1].
      b: likewise.

    Returns:
      Float32 [n].
    """
    shape = (sum(CHANNELS),)
    alpha = parameter.of(self, "alpha", nn.initializers.ones, shape)
    beta = parameter.of(self, "beta", nn.initializers.ones, shape)
    total = jnp.sum(alpha) + jnp.sum(beta)
    x = jnp.concatenate([a, b]).astype(jnp.float32)
    scaled = (x - jnp.array(_MEAN)) / jnp.array(_STD)
    maps = [x, *vgg16.blocks(scaled, _l2_pool)]
    compared = [_similarities(*jnp.split(each, 2)) for each in maps]
    texture, structure = (
      jnp.concatenate(each, axis=1) for each in zip(*compared, strict=True)
    )
    similarity = texture @ alpha + structure @ beta  # equation 6
    return 1 - similarity / total


def _similarities(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Of texture, equation 4, and of structure, equation 5: [n, channels]."""
  mean_a, mean_b = (jnp.mean(x, axis=(1, 2), keepdims=True) for x in (a, b))
  a, b = a - mean_a, b - mean_b
  mean_a, mean_b = mean_a[:, 0, 0], mean_b[:, 0, 0]
  variances = jnp.mean(a * a + b * b, axis=(1, 2))
  covariance = jnp.mean(a * b, axis=(1, 2))
  texture = 2 * mean_a * mean_b + _CONSTANT
  texture /= mean_a**2 + mean_b**2 + _CONSTANT
  return texture, (2 * covariance + _CONSTANT) / (variances + _CONSTANT)


def _l2_pool(x: jax.Array) -> jax.Array:
  """The root of the mean square in a Hanning window of 3 x 3 pixels."""
  window = np.hanning(5)[1:-1]
  window = np.outer(window, window) / window.sum() ** 2
  channels = x.shape[-1]
  kernel = jnp.tile(
    jnp.asarray(window, x.dtype)[:, :, None, None], (1, 1, 1, channels)
  )
  squares = jax.lax.conv_general_dilated(
    jnp.square(x),
    kernel,
    window_strides=(2, 2),
    padding=((1, 1), (1, 1)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    feature_group_count=channels,
  )
  return jnp.sqrt(squares + _SMALLEST_SQUARE)
