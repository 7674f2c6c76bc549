"""Generators as people write their own, in flax's layers, for a scale of 2.

None of them is of this package, and each does something that its networks do
not.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from srfeat_jax.models import layers
from srfeat_jax.ops import pixels
from tests.support import inference_networks


class _Base(nn.Module):
  """A convolution, what `middle` does, a convolution, pixel shuffle."""

  features: int = 6
  scale: int = 2

  receptive_radius = 3

  @nn.compact
  def __call__(self, lr, train=False):
    x = nn.Conv(self.features, (3, 3), name="head")(lr)
    x = nn.Conv(12, (3, 3), name="tail")(self.middle(x, train))
    return pixels.pixel_shuffle(x, 2)

  def middle(self, x, train):
    return x


class FlaxConv(_Base):
  def middle(self, x, train):
    return nn.relu(nn.Conv(self.features, (3, 3), strides=1)(x))


class BareConv(_Base):
  """Convolves without a layer that could be seen to do so."""

  def middle(self, x, train):
    shape = (3, 3, self.features, self.features)
    kernel = self.param("kernel", nn.initializers.he_normal(), shape)
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), "SAME", dimension_numbers=axes
    )


class Mirroring(_Base):
  """Mirrors feature maps at their edges."""

  def middle(self, x, train):
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    return nn.Conv(self.features, (3, 3), padding="VALID")(x)


class NormBefore(_Base):
  """Normalizes before a convolution what a skip takes as it is."""

  def middle(self, x, train):
    y = nn.BatchNorm(use_running_average=not train)(x)
    return x + nn.Conv(self.features, (3, 3))(nn.relu(y))


class NormOfImage(_Base):
  """Normalizes what no convolution has made."""

  def middle(self, x, train):
    y = nn.BatchNorm(use_running_average=not train)(nn.relu(x))
    return nn.Conv(self.features, (3, 3), use_bias=False)(y)


class NormAfter(_Base):
  """Convolution, then BatchNorm; without a field `block_bias`."""

  def middle(self, x, train):
    for i, use_bias in enumerate((False, True)):
      x = nn.Conv(self.features, (3, 3), use_bias=use_bias, name=f"c{i}")(x)
      x = nn.BatchNorm(use_running_average=not train, name=f"n{i}")(x)
      x = nn.relu(x)
    y = layers.Conv(self.features, 1, use_bias=False, name="c2")(x)
    return nn.BatchNorm(not train, use_scale=False, name="n2")(y)

  receptive_radius = 4


class Transposed(nn.Module):
  """Upscales by a transposed convolution."""

  scale: int = 2

  receptive_radius = 4

  @nn.compact
  def __call__(self, lr, train=False):
    x = nn.relu(nn.Conv(6, (3, 3))(lr))
    x = nn.ConvTranspose(6, (4, 4), strides=(2, 2))(x)
    return nn.Conv(3, (3, 3))(nn.relu(x))


class Pooling(_Base):
  """Squeeze and excitation: channels are weighed by their means."""

  def middle(self, x, train):
    means = x.mean(axis=(1, 2), keepdims=True)
    y = nn.tanh(nn.Conv(3, (1, 1), name="squeeze")(means))
    return x * nn.sigmoid(nn.Conv(self.features, (1, 1), name="excite")(y))


class InstanceNorm(_Base):
  def middle(self, x, train):
    return nn.InstanceNorm()(x)


class Windows(_Base):
  """Attends to windows of 4 x 4 pixels, and does not declare it."""

  receptive_radius = 6

  def middle(self, x, train):
    _, height, width, _ = x.shape
    fill = [(0, 0), (0, -height % 4), (0, -width % 4), (0, 0)]
    y = pixels.pixel_unshuffle(jnp.pad(x, fill), 4)
    y = nn.Conv(16 * self.features, (1, 1))(y)
    return x + pixels.pixel_shuffle(y, 4)[:, :height, :width]


class FarReaching(_Base):
  """Reaches farther than it says."""

  receptive_radius = 2

  def middle(self, x, train):
    return nn.Conv(self.features, (5, 5))(x)


class _Unshuffling(nn.Module):
  scale: int = 2

  receptive_radius = 8
  unshuffle = 2

  @nn.compact
  def __call__(self, lr, train=False):
    x = pixels.pixel_unshuffle(lr, 2)
    x = nn.relu(nn.Conv(8, (3, 3), name="head")(x))
    x = nn.Conv(48, (3, 3), name="tail")(x)
    return pixels.pixel_shuffle(x, 4)


class Unshuffling(_Unshuffling):
  """Refuses odd sizes."""


class Undeclared(_Unshuffling):
  """Refuses odd sizes, and does not say so."""

  unshuffle = 1


class UnshufflingThree(_Unshuffling):
  """Refuses all but multiples of 3, and works at a third of the resolution."""

  receptive_radius = 9
  unshuffle = 3

  @nn.compact
  def __call__(self, lr, train=False):
    x = pixels.pixel_unshuffle(lr, 3)
    x = nn.relu(nn.Conv(8, (3, 3), name="head")(x))
    x = nn.Conv(108, (3, 3), name="tail")(x)
    return pixels.pixel_shuffle(x, 6)


class ZeroFilling(_Unshuffling):
  """Fills odd sizes with zeros, not by mirroring."""

  @nn.compact
  def __call__(self, lr, train=False):
    _, height, width, _ = lr.shape
    lr = jnp.pad(lr, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)])
    sr = Unshuffling()(lr)
    return sr[:, : 2 * height, : 2 * width]


class Typed(_Base):
  """Has a compute dtype."""

  dtype: str = "bfloat16"

  def middle(self, x, train):
    x = nn.Conv(self.features, (3, 3), dtype=self.dtype, use_bias=False)(x)
    return nn.BatchNorm(not train)(x).astype(jnp.float32)


class Rematerialized(_Base):
  """A layer whose activations are computed again for the gradient."""

  def middle(self, x, train):
    return nn.remat(nn.Conv)(self.features, (3, 3))(x)


class Scanned(_Base):
  """Two blocks with stacked weights, in one loop."""

  receptive_radius = 4

  def middle(self, x, train):
    blocks = nn.scan(
      _Block,
      variable_axes={"params": 0, "batch_stats": 0},
      split_rngs={"params": True},
      length=2,
    )
    return blocks(self.features)(x, None)[0]


class _Block(nn.Module):
  features: int

  @nn.compact
  def __call__(self, x, _):
    y = nn.Conv(self.features, (3, 3), use_bias=False)(x)
    return nn.relu(nn.BatchNorm(True)(y)), None


def build(kind: type[nn.Module]) -> tuple[nn.Module, dict]:
  """Makes the generator and variables, none of them trivial."""
  generator = kind()
  return generator, inference_networks.draw(generator)


def plain(generator, variables, lr: np.ndarray) -> np.ndarray:
  """The network's own result for a float image [h, w, 3]."""
  return np.asarray(jax.jit(generator.apply)(variables, lr[None])[0])
