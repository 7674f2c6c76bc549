"""By how much neighbouring tiles overlap."""

import dataclasses

from flax import linen as nn

# Farther than this, in pixels of its own, no network is taken at its receptive
# radius: the default RRDBNet's is 349, but cut a picture off at a distance of
# 24 and nothing changes by more than 2e-5 of the deviation of what it gives.
# That is with random weights, its blocks' kernels up to 14 times what they
# start as.
_FARTHEST = 64
_EFFECTIVE_RADIUS = 32
_FEATHER = 8


@dataclasses.dataclass(frozen=True)
class Overlap:
  """What a network takes of a tile before something new remains.

  Attributes:
    thrown: LR pixels thrown away at a tile's inner edges.
    feather: width of the strip, next to what is thrown away, in which a tile
      is faded into its neighbours; 0 where what is thrown away suffices.
    fold: what these and the sides of tiles are multiples of, so that tiles
      begin where the network's own folding of pixels does.
  """

  thrown: int
  feather: int = 0
  fold: int = 1

  @property
  def shortest_side(self) -> int:
    """Of a tile that is one of several."""
    return self.whole_folds(2 * (self.thrown + self.feather) + 1)

  def whole_folds(self, pixels: float) -> int:
    """Rounds up."""
    return -int(-pixels // self.fold) * self.fold


def of(generator: nn.Module) -> Overlap:
  """The overlap with which tiles become what the whole would.

  It is the receptive radius, with which they are so exactly; or if that is too
  large to be of use, what was measured to do, and a feather.
  """
  fold = generator.unshuffle
  if generator.receptive_radius > _FARTHEST * fold:
    return Overlap(_EFFECTIVE_RADIUS * fold, _FEATHER * fold, fold)
  unfolded = Overlap(0, fold=fold)
  return Overlap(unfolded.whole_folds(generator.receptive_radius), 0, fold)
