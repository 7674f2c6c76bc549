"""What the generators are made of.

Feature maps are NHWC in the compute dtype; parameters are always float32.
Every convolution has stride 1 and zero padding that keeps height and width.
Channels before a pixel shuffle are in depth-to-space order (row, column,
channel: "DCR"), so weights from PyTorch need their outputs permuted.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.ops import pixels, resize

ModuleFactory = Callable[..., nn.Module]


class Conv(nn.Module):
  """A square convolution, initialised as one of the papers or frameworks does.

  Attributes:
    features: Number of output channels.
    kernel_size: Odd side of the kernel in pixels.
    use_bias: Whether a bias is added.
    initializer: "normal": kernels N(0, 0.01), biases 0 (SRFeat); "uniform":
      both within +-1/sqrt(fan_in) (PyTorch's default); "kaiming_tenth":
      kernels a tenth of He's normal, biases 0 (ESRGAN, section 3.1).
    dtype: Compute and output dtype.
  """

  features: int
  kernel_size: int = 3
  use_bias: bool = True
  initializer: str = "uniform"
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to [b, h, w, features]."""
    shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
    kernel_init, bias_init = _initializers(
      self.initializer, fan_in=math.prod(shape[:-1])
    )
    kernel = self.param("kernel", kernel_init, shape)
    y = jax.lax.conv_general_dilated(
      x.astype(self.dtype),
      kernel.astype(self.dtype),
      window_strides=(1, 1),
      padding="SAME",
      dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    if self.use_bias:
      bias = self.param("bias", bias_init, (self.features,))
      y += bias.astype(self.dtype)
    return y


def _initializers(name: str, fan_in: int):
  """Returns the initialisers of a kernel and of its bias."""
  zeros = nn.initializers.zeros
  match name:
    case "normal":
      return nn.initializers.normal(0.01), zeros
    case "uniform":
      uniform = _symmetric_uniform(1 / math.sqrt(fan_in))
      return uniform, uniform
    case "kaiming_tenth":
      return nn.initializers.normal(0.1 * math.sqrt(2 / fan_in)), zeros
    case _:
      raise ValueError(f"unknown initializer {name!r}")


def _symmetric_uniform(bound: float):
  def init(key, shape, dtype=jnp.float32):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return init


class LeakyReLU(nn.Module):
  """x where positive, `slope` times x elsewhere; a slope of 0 is ReLU."""

  slope: float

  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps shape and dtype."""
    return nn.leaky_relu(x, self.slope)


class PReLU(nn.Module):
  """A leaky ReLU whose slope is learned, from 0.25.

  One slope for all channels, or one for each if `per_channel`.
  """

  per_channel: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps shape and dtype."""
    shape = (x.shape[-1] if self.per_channel else 1,)
    slope = self.param("slope", nn.initializers.constant(0.25), shape)
    return jnp.where(x >= 0, x, slope.astype(x.dtype) * x)


class ResidualBlock(nn.Module):
  """x + norm(conv(act(norm(conv(x))))), without norm if `make_norm` is None.

  The factories take what differs between two uses: a name, and for a
  convolution its number of features. Nothing follows the addition.
  """

  features: int
  make_conv: ModuleFactory
  make_activation: ModuleFactory
  make_norm: ModuleFactory | None = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps shape and dtype."""
    y = self.make_conv(self.features, name="conv_0")(x)
    if self.make_norm:
      y = self.make_norm(name="norm_0")(y)
    y = self.make_activation(name="activation")(y)
    y = self.make_conv(self.features, name="conv_1")(y)
    if self.make_norm:
      y = self.make_norm(name="norm_1")(y)
    return x + y


class Upsample(nn.Module):
  """Doubles height and width: 3x3 conv, pixel shuffle, activation if any."""

  features: int
  make_conv: ModuleFactory
  make_activation: ModuleFactory | None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to [b, 2h, 2w, features]."""
    y = self.make_conv(4 * self.features, name="conv")(x)
    y = pixels.pixel_shuffle(y, 2, order="DCR")
    if self.make_activation:
      y = self.make_activation(name="activation")(y)
    return y


def num_upsamples(scale: int) -> int:
  """Returns how many `Upsample` make a scale that is a power of two."""
  return scale.bit_length() - 1


def reconstruction_radius(tail_radius: int, scale: int) -> int:
  """Returns the radius, in LR pixels, of all that follows the trunk.

  Args:
    tail_radius: Joint radius, in HR pixels, of the convolutions after the last
      `Upsample`.
    scale: Power of two.
  """
  radius = tail_radius
  for _ in range(num_upsamples(scale)):
    # A pixel seen from either half of a coarse pixel: halving rounds up.
    radius = math.ceil(radius / 2) + 1
  return radius


def symmetric_to_image(
  y: jax.Array, lr: jax.Array, scale: int, residual_base: str
) -> jax.Array:
  """Turns what a network gives in [-1, 1] into an image in [0, 1].

  Without a base the image is (y + 1) / 2. With one it is base + y / 2, so that
  a network whose output is zero gives the enlarged input itself.

  Args:
    y: [b, scale * h, scale * w, 3].
    lr: [b, h, w, 3] in [0, 1].
    scale: Enlargement.
    residual_base: "none", or the kernel ("bilinear", "bicubic") that enlarges
      the input.

  Returns:
    Float32 of y's shape, not clipped.
  """
  if residual_base == "none":
    return (y + 1) / 2
  return resize.resize(lr, scale, residual_base) + y / 2
