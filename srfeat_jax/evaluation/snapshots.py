"""Images of a run at a few of its validations, for figures of its progress.

  WORKDIR/snapshots/STEP/SET/NAME.png  the output of the network at a step
  WORKDIR/snapshots/HR/SET/NAME.png    its target
  WORKDIR/snapshots/LR/SET/NAME.png    its input

They are the same images at every step. What a validation upscales is kept, so
nothing is computed for them: they are only compressed.
"""

import math
import os
from collections.abc import Sequence

import numpy as np

from srfeat_jax import places
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import detailed_region
from srfeat_jax.image_io import images

FOLDER = "snapshots"
HR, LR = "HR", "LR"
_MOST_IMAGES = 8
_LONGEST_SIDE = 512  # HR pixels; of larger images, the part with most detail


def due(
  fractions: Sequence[float], num_steps: int, eval_every: int
) -> frozenset[int]:
  """The steps of the first validations from each fraction of a run on.

  Args:
    fractions: of the run, from 0 to 1.
    num_steps: of the run.
    eval_every: steps from one validation to the next; the last step has one,
      too, and step 0 where a run starts from weights.
  """
  return frozenset(
    min(num_steps, math.ceil(fraction * num_steps / eval_every) * eval_every)
    for fraction in fractions
  )


class Snapshots:
  """Which validations of a run leave images, and which images.

  Attributes:
    steps: of these validations.
  """

  def __init__(
    self,
    workdir: str | os.PathLike,
    sets: Sequence[benchmarks.BenchmarkSet],
    steps: frozenset[int],
  ):
    """Chooses images: the first one of each set, then the second ones.

    Args:
      workdir: the run's folder, which need not exist.
      sets: on which the run is validated.
      steps: the validations, see `due`.
    """
    self._folder = places.path(workdir) / FOLDER
    self.steps = steps
    names = [
      (i, each.name, image.name)
      for each in sets
      for i, image in enumerate(each.images)
    ]
    names.sort(key=lambda name: name[0])
    self._chosen = {name[1:] for name in names[:_MOST_IMAGES]}

  def keep(
    self,
    step: int,
    set_name: str,
    name: str,
    lr: np.ndarray,
    sr: np.ndarray,
    hr: np.ndarray,
  ) -> None:
    """Writes an image, if it is one of those and the step one of these.

    Args:
      step: the number of updates made.
      set_name: of the set of the image.
      name: of the image.
      lr: uint8 [h, w, 3] or [h, w].
      sr: the output, uint8, `scale` times that size.
      hr: the target, likewise.

    Raises:
      errors.InputError: a file cannot be written.
    """
    if step not in self.steps or (set_name, name) not in self._chosen:
      return
    scale = hr.shape[0] // lr.shape[0]
    top, left, height, width = _part(lr, _LONGEST_SIDE // scale)
    for folder, image, factor in (
      *((HR, hr, scale), (LR, lr, 1)),
      (str(step), sr, scale),
    ):
      rows, columns = (
        slice(factor * start, factor * (start + length))
        for start, length in ((top, height), (left, width))
      )
      # Appended, because a dot in a name does not begin an extension.
      path = self._folder / folder / set_name / f"{name}.png"
      images.write(path, image[rows, columns])


def _part(image: np.ndarray, longest: int) -> tuple[int, int, int, int]:
  """Top, left, height and width of what is kept of an image."""
  height, width = (min(n, longest) for n in image.shape[:2])
  if (height, width) == image.shape[:2]:
    return 0, 0, height, width
  luma = np.atleast_3d(image).mean(axis=-1)
  energy = sum(slope**2 for slope in np.gradient(luma))
  return *detailed_region.find(energy, height, width), height, width
