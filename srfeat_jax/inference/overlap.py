"""By how much neighboring tiles overlap."""

import dataclasses
import math

from flax import linen as nn

# Where the receptive radius is larger than this (in pixels of the network's own
# feature maps), tiles overlap by less.
_LARGEST_RADIUS = 64
# Margins that suffice, by the largest radius that each is for. Found with
# Real-ESRGAN's x4plus_anime (6 blocks, a radius of 94) and x4plus (23 blocks,
# 349) on crops of 220 px of three photographs: nothing kept of a tile differs
# from the whole by more than 2 of 255 levels, and fewer than 1 of 10,000 values
# by more than 1. Random weights pass on much less, and say nothing here.
_MARGINS = ((120, 48), (math.inf, 72))
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
  radius = generator.receptive_radius / unshuffle
  if radius <= _LARGEST_RADIUS:
    return exact(generator)
  margin = next(margin for largest, margin in _MARGINS if radius <= largest)
  return Overlap(margin * unshuffle, _FEATHER * unshuffle, unshuffle)


def exact(generator: nn.Module) -> Overlap:
  """Returns the overlap whose margin is the receptive radius, however large."""
  unshuffle = unshuffle_of(generator)
  margin = Overlap(0, unshuffle=unshuffle).round_up(generator.receptive_radius)
  return Overlap(margin, 0, unshuffle)


def unshuffle_of(generator: nn.Module) -> int:
  """The generator's `unshuffle`, which may be left out where it is 1."""
  return getattr(generator, "unshuffle", 1)
