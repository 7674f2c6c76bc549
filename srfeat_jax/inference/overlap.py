"""By how much neighboring tiles overlap."""

import dataclasses

from flax import linen as nn

# Where the receptive radius is larger than this (in pixels of the network's own
# feature maps), tiles overlap by less. The default RRDBNet's is 349, but if an
# image is cut off 24 pixels away, nothing in the result changes by more than
# 2e-5 of its standard deviation. (Measured with random weights, the blocks'
# kernels up to 14 times as large as they are initialized.)
_LARGEST_RADIUS = 64
_EFFECTIVE_RADIUS = 32
_FEATHER = 8


@dataclasses.dataclass(frozen=True)
class Overlap:
  """How tiles overlap; lengths are in LR pixels.

  Attributes:
    margin: width of what is cropped from a tile's edges, except from those that
      are edges of the image.
    feather: width of the strip, next to the margin, in which a tile is faded
      into its neighbors; 0 where the margin suffices.
    unshuffle: factor of the pixel unshuffle that the network begins with, or
      1. Margin, feather and the sides of tiles are multiples of it, so that
      tiles begin where its blocks of pixels do.
  """

  margin: int
  feather: int = 0
  unshuffle: int = 1

  @property
  def min_tile(self) -> int:
    """The shortest side of a tile that is one of several."""
    return self.round_up(2 * (self.margin + self.feather) + 1)

  def round_up(self, pixels: float) -> int:
    """Rounds up to a multiple of `unshuffle`."""
    return -int(-pixels // self.unshuffle) * self.unshuffle


def of(generator: nn.Module) -> Overlap:
  """Returns the overlap with which tiles give the result of the whole image.

  The margin is the receptive radius, which makes tiles exact; where that is too
  large to be practical, it is what measurements showed to suffice, with a
  feather.
  """
  unshuffle = unshuffle_of(generator)
  if generator.receptive_radius > _LARGEST_RADIUS * unshuffle:
    return Overlap(
      _EFFECTIVE_RADIUS * unshuffle, _FEATHER * unshuffle, unshuffle
    )
  return exact(generator)


def exact(generator: nn.Module) -> Overlap:
  """Returns the overlap whose margin is the receptive radius, however large."""
  unshuffle = unshuffle_of(generator)
  margin = Overlap(0, unshuffle=unshuffle).round_up(generator.receptive_radius)
  return Overlap(margin, 0, unshuffle)


def unshuffle_of(generator: nn.Module) -> int:
  """The generator's `unshuffle`, which may be left out where it is 1."""
  return getattr(generator, "unshuffle", 1)
