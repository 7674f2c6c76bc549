"""The convolutions of VGG-16 (Simonyan & Zisserman 2015, configuration D).

Part of perceptual metrics: modules are named as in torchvision, "features_3" is
its `features.3`.
"""

from collections.abc import Callable, Iterator

import jax
from flax import linen as nn

# Numbers in `features`, and output channels, of the blocks.
_BLOCKS = (
  ((0, 2), 64),
  ((5, 7), 128),
  ((10, 12, 14), 256),
  ((17, 19, 21), 512),
  ((24, 26, 28), 512),
)
CHANNELS = tuple(channels for _, channels in _BLOCKS)


def blocks(
  x: jax.Array, pool: Callable[[jax.Array], jax.Array]
) -> Iterator[jax.Array]:
  """Yields what comes out of each block's last ReLU.

  It is called by a module, whose submodules the convolutions become.

  Args:
    x: [n, H, W, 3], as the weights expect it.
    pool: halves height and width, before each block but the first.
  """
  for block, (numbers, channels) in enumerate(_BLOCKS):
    if block:
      x = pool(x)
    for number in numbers:
      conv = nn.Conv(channels, (3, 3), padding=1, name=f"features_{number}")
      x = nn.relu(conv(x))
    yield x
