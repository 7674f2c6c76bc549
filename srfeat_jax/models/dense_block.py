"""The dense block of RRDBNet (Wang et al. 2018, figure 4)."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from srfeat_jax.models import convolution, layers, parameter

_CONVOLUTIONS = 5


class DenseBlock(nn.Module):
  """x + residual_scale * (five 3x3 convolutions, each of all maps before it).

  A convolution of several maps is the sum of one of each. So each map is
  convolved once, with the kernels of all convolutions that take it side by
  side: what is computed is the same, by five convolutions with many outputs in
  place of five with many inputs, which take longer (benchmarks/README.md).

  Attributes:
    growth: channels that each convolution but the last one adds.
    residual_scale: what is multiplied by before it is added to x.
    dtype: compute and output dtype; sums are float32.
  """

  growth: int
  residual_scale: float
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps the shape, [b, h, w, c]."""
    channels = x.shape[-1]
    outputs = [self.growth] * (_CONVOLUTIONS - 1) + [channels]
    kernels, sums = [], []
    for i, features in enumerate(outputs):
      kernel, bias = _Variables(features, name=f"conv_{i}")(
        channels + i * self.growth
      )
      kernels.append(kernel.astype(self.dtype))
      sums.append(bias)
    maps, first = x.astype(self.dtype), 0
    for i in range(_CONVOLUTIONS):
      last = first + maps.shape[-1]
      kernel = jnp.concatenate(
        [kernel[:, :, first:last] for kernel in kernels[i:]], axis=-1
      )
      parts = jnp.split(
        Convolve()(maps, kernel), np.cumsum(outputs[i:-1]), axis=-1
      )
      sums[i:] = [s + part for s, part in zip(sums[i:], parts, strict=True)]
      maps = layers.LeakyReLU(0.2)(sums[i]).astype(self.dtype)
      first = last
    return x + self.residual_scale * sums[-1].astype(self.dtype)


class Convolve(nn.Module):
  """A convolution by a kernel that is given.

  A module, so that its calls can be intercepted as those of `layers.Conv`.
  """

  kernel_size: int = 3

  def __call__(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to [b, h, w, f] by [k, k, c, f]."""
    return convolution.convolve(x, kernel)


class _Variables(nn.Module):
  """Kernel and bias of a convolution, a tenth of He's normal at first."""

  features: int

  @nn.compact
  def __call__(self, inputs: int) -> tuple[jax.Array, jax.Array]:
    shape = (3, 3, inputs, self.features)
    kernel_init, bias_init = layers.initializers(
      "kaiming_tenth", fan_in=9 * inputs
    )
    return (
      parameter.of(self, "kernel", kernel_init, shape),
      parameter.of(self, "bias", bias_init, (self.features,)),
    )
