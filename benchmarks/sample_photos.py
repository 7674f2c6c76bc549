"""Photographs to measure with, or what is drawn in their place."""

import os
import pathlib

import numpy as np

from srfeat_jax.data import synthetic
from srfeat_jax.image_io import images

_REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def read(count: int, drawn_size: int) -> list[np.ndarray]:
  """Reads photos of `$SRFEAT_DATA`, or of `../shared/data`.

  Args:
    count: how many at most.
    drawn_size: pixels on each side of what is drawn where there are none.

  Returns:
    Images, uint8 [H, W, 3].
  """
  default = _REPOSITORY.parent / "shared" / "data"
  data = pathlib.Path(os.environ.get("SRFEAT_DATA") or default)
  photos = sorted((data / "train" / "photos").glob("*"))[:count]
  if photos:
    return [images.read_rgb(path) for path in photos]
  return drawn(count, drawn_size)


def drawn(count: int, size: int) -> list[np.ndarray]:
  """Draws scenes, uint8 [size, size, 3]."""
  return [synthetic.scene(i, size) for i in range(count)]
