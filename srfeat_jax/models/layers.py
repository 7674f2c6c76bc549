"""What generators and discriminators are made of.

Feature maps are NHWC in the compute dtype; parameters are always float32.
Every convolution has the zero padding that TensorFlow calls SAME: a stride of
1 keeps height and width. Channels before a pixel shuffle are in depth-to-space
order (row, column, channel: "DCR"), so weights from PyTorch need their outputs
permuted.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import batch_statistics, convolution, parameter
from srfeat_jax.models import spectral_norm as spectral_norm_lib
from srfeat_jax.ops import pixels, resize

ModuleFactory = Callable[..., nn.Module]


class Conv(nn.Module):
  """A square convolution, initialized as one of the papers or frameworks does.

  Where its variables contain the kernel turned as well, it does not train, see
  `vgg19.for_training`.

  Attributes:
    features: number of output channels.
    kernel_size: side of the kernel in pixels.
    stride: pixels from one output to the next; height and width are divided by
      it, rounding up.
    use_bias: whether a bias is added.
    initializer: see `initializers`.
    dtype: compute and output dtype.
    shuffles: whether it convolves the pixel shuffle of its input, which doubles
      height and width.
    blurs: whether its input is first blurred by [1, 2, 1] / 4 along both axes,
      which removes the finest checkerboard that pixel shuffle can leave
      (Sugawara et al. 2018).
    spectral_norm: whether the kernel is divided by its largest singular value;
      it then has state, see `spectral_norm.py`.
    copies: of how many equal parts kernel and bias begin, along their outputs.
      As many as a following pixel shuffle makes pixels of each: then these are
      equal at first, and show no checkerboard (ICNR, Aitken et al. 2017).
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  use_bias: bool = True
  initializer: str = "uniform"
  dtype: str = "float32"
  shuffles: bool = False
  blurs: bool = False
  spectral_norm: bool = False
  copies: int = 1

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to [b, h / stride, w / stride, features]."""
    inputs = x.shape[-1] // (4 if self.shuffles else 1)
    shape = (self.kernel_size, self.kernel_size, inputs, self.features)
    kernel_init, bias_init = initializers(
      self.initializer, fan_in=math.prod(shape[:-1])
    )
    if self.copies > 1:
      kernel_init, bias_init = (
        _copied(init, self.copies) for init in (kernel_init, bias_init)
      )
    kernel = parameter.of(self, "kernel", kernel_init, shape)
    if self.spectral_norm:
      kernel = spectral_norm_lib.SpectralNorm(name="norm")(kernel)
    x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
    if self.shuffles:
      kernel = convolution.blurred(kernel) if self.blurs else kernel
      y = convolution.convolve_shuffled(x, kernel)
    elif self.blurs:
      y = convolution.convolve_blurred(x, kernel)
    elif self.has_variable(convolution.TURNED, "kernel"):
      turned = self.get_variable(convolution.TURNED, "kernel")
      y = convolution.convolve_fixed(x, kernel, turned.astype(self.dtype))
    else:
      y = convolution.convolve(x, kernel, self.stride)
    if self.use_bias:
      bias = parameter.of(self, "bias", bias_init, (self.features,))
      y += bias.astype(self.dtype)
    return y


class Dense(nn.Module):
  """An affine map of vectors.

  Attributes:
    features: number of outputs.
    initializer: see `initializers`.
    dtype: compute and output dtype.
  """

  features: int
  initializer: str = "uniform"
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, c] to [b, features]."""
    kernel_init, bias_init = initializers(self.initializer, x.shape[-1])
    kernel = parameter.of(
      self, "kernel", kernel_init, (x.shape[-1], self.features)
    )
    bias = parameter.of(self, "bias", bias_init, (self.features,))
    return x.astype(self.dtype) @ kernel.astype(self.dtype) + bias.astype(
      self.dtype
    )


def initializers(name: str, fan_in: int) -> tuple[Callable, Callable]:
  """Returns the initializers of a kernel and of its bias.

  Args:
    name: "uniform": both within +-1/sqrt(fan_in) (PyTorch's default). All
      others have biases 0, and kernels "normal": N(0, 0.01) (SRFeat);
      "kaiming_tenth": a tenth of He's normal (ESRGAN, section 3.1);
      "he_truncated": He's normal, cut at two deviations and widened for it
      (TensorFlow's variance scaling); "truncated_tenth": N(0, 0.1) cut at two
      deviations, whatever the fan_in (TensorLayer's dense layers).
    fan_in: number of inputs that an output is a sum of.
  """
  zeros = nn.initializers.zeros
  match name:
    case "normal":
      return nn.initializers.normal(0.01), zeros
    case "uniform":
      uniform = _symmetric_uniform(1 / math.sqrt(fan_in))
      return uniform, uniform
    case "kaiming_tenth":
      return nn.initializers.normal(0.1 * math.sqrt(2 / fan_in)), zeros
    case "he_truncated":
      return nn.initializers.he_normal(), zeros
    case "truncated_tenth":
      return nn.initializers.truncated_normal(0.1), zeros
    case _:
      raise ValueError(f"unknown initializer {name!r}")


def _copied(init, copies: int):
  """An initializer of so many equal parts along the last axis."""

  def init_once(key, shape, dtype=jnp.float32):
    part = init(key, (*shape[:-1], shape[-1] // copies), dtype)
    return jnp.tile(part, copies)

  return init_once


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

  One slope for all channels, or one for each if `per_channel`. Before a pixel
  shuffle channels come in several `copies`, which share theirs.
  """

  per_channel: bool = False
  copies: int = 1

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps shape, [..., copies * c], and dtype."""
    shape = (x.shape[-1] // self.copies if self.per_channel else 1,)
    slope = parameter.of(self, "slope", nn.initializers.constant(0.25), shape)
    if self.per_channel:
      slope = jnp.tile(slope, self.copies)
    return jnp.where(x >= 0, x, slope.astype(x.dtype) * x)


class StatelessBatchNorm(nn.Module):
  """Batch normalization by the statistics of the batch, without running ones.

  For networks that only ever see training batches. On a batch split over
  devices the statistics are those of the whole, unless `batch_statistics` is
  told otherwise. Epsilon is 1e-5.
  """

  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps the shape [b, h, w, c]; the output has the compute dtype."""
    shape = (x.shape[-1],)
    scale = parameter.of(self, "scale", nn.initializers.ones, shape)
    bias = parameter.of(self, "bias", nn.initializers.zeros, shape)
    y = batch_statistics.normalized(x, scale, bias, 1e-5).y
    return y.astype(self.dtype)


class TrainingBatchNorm(nn.Module):
  """flax's BatchNorm in training, with statistics of each device.

  It normalizes as `StatelessBatchNorm` does, and keeps running statistics.
  """

  momentum: float
  epsilon: float
  dtype: str = "float32"

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Keeps the shape [b, h, w, c]; the output has the compute dtype."""
    shape = (x.shape[-1],)
    scale = parameter.of(self, "scale", nn.initializers.ones, shape)
    bias = parameter.of(self, "bias", nn.initializers.zeros, shape)
    mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
    variance = self.variable("batch_stats", "var", jnp.ones, shape)
    found = batch_statistics.normalized(x, scale, bias, self.epsilon)
    if not self.is_initializing():
      kept = self.momentum
      mean.value = kept * mean.value + (1 - kept) * found.mean
      variance.value = kept * variance.value + (1 - kept) * found.variance
    return found.y.astype(self.dtype)


def batch_norm(
  *, train: bool, momentum: float, epsilon: float, dtype: str
) -> ModuleFactory:
  """Makes BatchNorms: by the batch's statistics in training, else running ones.

  Args:
    train: whether the network trains.
    momentum: share of the old running statistics kept at a step.
    epsilon: added to variances.
    dtype: compute and output dtype.
  """
  settings = {"momentum": momentum, "epsilon": epsilon, "dtype": dtype}
  if train and batch_statistics.are_per_device():
    return functools.partial(TrainingBatchNorm, **settings)
  # XLA joins the sums that flax asks for, too: one message each way.
  return functools.partial(
    nn.BatchNorm, use_running_average=not train, **settings
  )


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
  """Multiplies height and width by `factor`, 2 or 3.

  A 3x3 convolution, a pixel shuffle and an activation, if any. Unless it
  `shuffles`, the pixel shuffle is left to the `Conv` that follows, which takes
  a factor of 2. If it `blurs`, its convolution first blurs what the stage
  before it shuffled. If it is `nearest`, pixels are repeated and a 3x3
  convolution follows, as in ESRGAN (Odena et al. 2016).

  With `icnr`, the pixels that the shuffle makes of one are equal at first, see
  `Conv`.
  """

  features: int
  make_conv: ModuleFactory
  make_activation: ModuleFactory | None
  factor: int = 2
  shuffles: bool = True
  blurs: bool = False
  nearest: bool = False
  icnr: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to [b, factor * h, factor * w, features].

    Without the shuffle, to [b, h, w, factor**2 * features].
    """
    copies = self.factor**2
    if self.nearest:
      y = x.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
      y = self.make_conv(self.features, name="conv")(y)
    else:
      y = self.make_conv(
        copies * self.features,
        blurs=self.blurs,
        copies=copies if self.icnr else 1,
        name="conv",
      )(x)
    if self.shuffles and not self.nearest:
      y = pixels.pixel_shuffle(y, self.factor, order="DCR")
    if self.make_activation:
      y = self.make_activation(name="activation")(y)
    return y


def upsample_factors(scale: int) -> tuple[int, ...]:
  """Returns the factors of the stages that make a scale.

  One stage for 3, as BasicSR and EDSR have it; for a power of two as many as
  double it, none for 1.
  """
  return (3,) if scale == 3 else (2,) * (scale.bit_length() - 1)


def tail_shuffles(upsampler: str, scale: int, train: bool) -> bool:
  """Whether the last `Upsample` leaves its pixel shuffle to the tail.

  Doing the last shuffle and convolution in one is faster, but not to train.

  Args:
    upsampler: see `fields.Upsampler`.
    scale: see `upsample_factors`.
    train: whether the network trains.
  """
  doubles = upsample_factors(scale)[-1:] == (2,)
  return upsampler == "shuffle" and doubles and not train


def reconstruction_radius(
  tail_radius: int,
  scale: int,
  blurs: bool = False,
  upsampler: str = "shuffle",
) -> int:
  """Returns the radius, in LR pixels, of all that follows the trunk.

  Args:
    tail_radius: joint radius, in HR pixels, of the convolutions after the last
      `Upsample`.
    scale: see `upsample_factors`.
    blurs: whether the convolutions after each shuffle blur first.
    upsampler: see `fields.Upsampler`.
  """
  if upsampler == "direct":
    return 1  # of one 3x3 convolution of LR pixels
  factors = upsample_factors(scale)
  if upsampler == "nearest":
    radius = tail_radius
    for factor in factors:
      radius = math.ceil((radius + 1) / factor)
    return radius
  radius = tail_radius + (blurs and bool(factors))
  for i, factor in reversed(tuple(enumerate(factors))):
    # A pixel seen from any part of a coarse pixel: the quotient rounds up.
    radius = math.ceil(radius / factor) + 1 + (blurs and i > 0)
  return radius


def symmetric_to_image(
  y: jax.Array, lr: jax.Array, scale: int, residual_base: str
) -> jax.Array:
  """Maps a network's output in [-1, 1] to an image in [0, 1].

  Without a base the image is (y + 1) / 2. With one it is base + y / 2, so that
  a network whose output is zero returns the upscaled input itself.

  Args:
    y: [b, scale * h, scale * w, 3].
    lr: [b, h, w, 3] in [0, 1].
    scale: scale factor.
    residual_base: "none", or the kernel ("bilinear", "bicubic") that upscales
      the input.

  Returns:
    Float32 of y's shape, not clipped.
  """
  if residual_base == "none":
    return (y + 1) / 2
  return resize.resize(lr, scale, residual_base) + y / 2
