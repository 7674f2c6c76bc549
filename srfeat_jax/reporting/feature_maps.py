"""What the feature discriminator sees: VGG-19's feature maps of each version.

The same channels of all versions, those that respond most to the target, in one
color scale; and the distance of all channels from those of the target, which is
the perceptual loss of Park et al. 2018.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from matplotlib import colormaps

from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.reporting import gallery

LAYER, SCALE = "relu5_4", 1 / 12.75  # of the paper
CROP = 296  # pixels a side, at most; the paper's
_CHANNELS = 8
_SMALLEST = 32  # pixels a side, below which floor pooling leaves nothing
_COLORS = "viridis"


@dataclasses.dataclass(frozen=True)
class Row:
  """The feature maps of one version of an image.

  Attributes:
    caption: of the version.
    maps: uint8 [h, w, 3], the colors of each channel.
    distance: mean squared difference of all channels from the target's.
  """

  caption: str
  maps: Sequence[np.ndarray]
  distance: float


@dataclasses.dataclass(frozen=True)
class Figure:
  """The feature maps of an image.

  Attributes:
    title: names of the set and the image.
    channels: their numbers, from 0.
    top: the value of the brightest color; that of the darkest one is 0, or its
      negative for a layer before its ReLU.
    rows: one for each version, the target last.
    crop: what VGG-19 has seen of the target, uint8 [H, W, 3].
  """

  title: str
  channels: Sequence[int]
  top: float
  rows: Sequence[Row]
  crop: np.ndarray


class Extractor:
  """VGG-19 up to a layer, with the weights of a file."""

  def __init__(self, path: str, layer: str = LAYER, scale: float = SCALE):
    """Reads the weights.

    Args:
      path: any of the files that `interchange.vgg19_file` reads.
      layer: see `models.vgg19`.
      scale: what the features are multiplied by.

    Raises:
      errors.InputError: the file is missing or of another kind, or VGG-19 has
        no such layer.
    """
    source = vgg19_file.load(path)
    network = vgg19.VGG19((layer,), **source.settings)
    self.layer = layer
    self._scale = scale
    self._variables = source.variables
    self._apply = jax.jit(
      lambda variables, image: network.apply(variables, image)[layer]
    )

  def __call__(self, image: np.ndarray) -> np.ndarray:
    """Computes features.

    Args:
      image: uint8 [H, W, 3].

    Returns:
      float32 [h, w, channels].
    """
    batch = image[None].astype(np.float32) / 255
    return self._scale * np.asarray(self._apply(self._variables, batch)[0])

  def figure(
    self, example: gallery.Example, captions: Sequence[str]
  ) -> Figure | None:
    """Compares versions of an image with its target.

    Args:
      example: the image.
      captions: of the versions; those that it lacks are left out.

    Returns:
      None if there is no target, or nothing to compare with it, or if the image
      is too small.
    """
    target = example.target
    captions = [each for each in captions if each in example.versions]
    if target is None or not captions or min(target.shape[:2]) < _SMALLEST:
      return None
    top, left, side = gallery.crop_box(target, CROP)
    features: Mapping[str, np.ndarray] = {
      caption: self(image[top : top + side, left : left + side])
      for caption, image in [
        *((each, example.versions[each]) for each in captions),
        (gallery.TARGET, target),
      ]
    }
    wanted = features[gallery.TARGET]
    means = np.abs(wanted).mean((0, 1))
    channels = [int(i) for i in np.argsort(-means, kind="stable")[:_CHANNELS]]
    highest = float(np.percentile(np.abs(wanted[..., channels]), 99.5)) or 1.0
    lowest = 0.0 if self.layer.startswith("relu") else -highest
    rows = [
      Row(
        caption,
        [_colored(each[..., i], lowest, highest) for i in channels],
        float(np.mean((each - wanted) ** 2)),
      )
      for caption, each in features.items()
    ]
    crop = target[top : top + side, left : left + side]
    return Figure(example.title, channels, highest, rows, crop)


def _colored(x: np.ndarray, lowest: float, highest: float) -> np.ndarray:
  shares = np.clip((x - lowest) / (highest - lowest), 0, 1)
  return (255 * colormaps[_COLORS](shares)[..., :3]).round().astype(np.uint8)
