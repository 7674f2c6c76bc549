"""LPIPS, a learned perceptual distance between images (Zhang et al. 2018).

Version 0.1 of the authors' metric: features of a classification network, taken
after several of its ReLUs and scaled to unit length at each position, are
subtracted; learned weights of the channels sum up the squared differences.
Parameters are an argument of `apply`,

  distance = lpips.LPIPS("squeeze").apply(variables, a, b)

and modules are named as in torchvision: "features_3" is its `features.3`.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import pooling, vgg16

# Height and width of the smallest image of which every layer has something.
MIN_SIZES = {"squeeze": 17, "alex": 31, "vgg": 16}

# ImageNet's mean and deviation, which the authors rounded, for [-1, 1].
_MEAN = (-0.030, -0.088, -0.188)
_STD = (0.458, 0.448, 0.450)
_EPSILON = 1e-10
# Number in `features`, and output channels of the first and of each other half.
_FIRES = {
  **{3: (16, 64), 4: (16, 64), 6: (32, 128), 7: (32, 128)},
  **{9: (48, 192), 10: (48, 192), 11: (64, 256), 12: (64, 256)},
}


class LPIPS(nn.Module):
  """The distance; the larger, the less alike two images look.

  Between equal images it is 0 except for rounding (below 1e-12).

  Attributes:
    backbone: whose features are compared: "squeeze" (SqueezeNet 1.1), "alex"
      (AlexNet) or "vgg" (VGG-16). Distances of different ones do not compare.
  """

  backbone: str = "squeeze"

  @nn.compact
  def __call__(self, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compares images pair by pair.

    Args:
      a: [n, H, W, 3], RGB in [0, 1].
      b: likewise.

    Returns:
      Float32 [n].

    Raises:
      errors.InputError: the images are too small for the backbone.
    """
    height, width = a.shape[1:3]
    least = MIN_SIZES[self.backbone]
    if min(height, width) < least:
      raise errors.InputError(
        f"LPIPS ({self.backbone}) needs {least} x {least} pixels or more, and"
        f" got {height} x {width} (height x width)"
      )
    x = 2 * jnp.concatenate([a, b]).astype(jnp.float32) - 1
    x = (x - jnp.array(_MEAN)) / jnp.array(_STD)
    distance = jnp.zeros(len(a))
    for i, features in enumerate(_BACKBONES[self.backbone](x)):
      length = jnp.linalg.norm(features, axis=-1, keepdims=True)
      of_a, of_b = jnp.split(features / (length + _EPSILON), 2)
      weigh = nn.Conv(1, (1, 1), use_bias=False, name=f"lin_{i}")
      distance += weigh(jnp.square(of_a - of_b)).mean(axis=(1, 2, 3))
    return distance


def _squeeze(x: jax.Array) -> Iterator[jax.Array]:
  x = _conv(x, 64, 3, "features_0", stride=2)
  yield x
  for number, (narrow, wide) in _FIRES.items():
    if number in (3, 6, 9):
      x = _max_pool(x, 3, ceil=True)
    x = _Fire(narrow, wide, name=f"features_{number}")(x)
    if number not in (3, 6):
      yield x


def _alex(x: jax.Array) -> Iterator[jax.Array]:
  x = _conv(x, 64, 11, "features_0", stride=4, padding=2)
  yield x
  x = _conv(_max_pool(x, 3), 192, 5, "features_3", padding=2)
  yield x
  x = _conv(_max_pool(x, 3), 384, 3, "features_6", padding=1)
  yield x
  for number in (8, 10):
    x = _conv(x, 256, 3, f"features_{number}", padding=1)
    yield x


def _vgg(x: jax.Array) -> Iterator[jax.Array]:
  return vgg16.blocks(x, pooling.max_pool)


_BACKBONES: dict[str, Callable[[jax.Array], Iterator[jax.Array]]] = {
  "squeeze": _squeeze,
  "alex": _alex,
  "vgg": _vgg,
}


class _Fire(nn.Module):
  """SqueezeNet's block: few channels, then many, half of them from 3x3."""

  narrow: int
  wide: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = _conv(x, self.narrow, 1, "squeeze")
    near = _conv(x, self.wide, 1, "expand1x1")
    far = _conv(x, self.wide, 3, "expand3x3", padding=1)
    return jnp.concatenate([near, far], axis=-1)


def _conv(x, channels, size, name, stride=1, padding=0) -> jax.Array:
  """A square convolution and its ReLU."""
  conv = nn.Conv(
    channels, (size, size), stride, [(padding, padding)] * 2, name=name
  )
  return nn.relu(conv(x))


def _max_pool(x: jax.Array, size: int, ceil: bool = False) -> jax.Array:
  """Pools every second position; `ceil` keeps a remainder at the far edges."""
  padding = [(0, (n - size) % 2 if ceil else 0) for n in x.shape[1:3]]
  return nn.max_pool(x, (size, size), (2, 2), padding)
