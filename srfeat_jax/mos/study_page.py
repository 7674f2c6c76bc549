"""Writes the page of a study: a folder of files that hold nothing secret.

The page needs no network: it opens from disk, or from any server. Images are
encoded anew, so that nothing but their pixels is in the files.
"""

import importlib.resources
import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from srfeat_jax import atomic
from srfeat_jax.image_io import images
from srfeat_jax.mos import candidates
from srfeat_jax.mos import study as study_lib

# What is served beside the images, with the types of its files.
FILES = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "study.js": "text/javascript; charset=utf-8",
}
IMAGES = "images"


def write(
  folder: pathlib.Path,
  study: study_lib.Study,
  methods: Mapping[str, candidates.Images],
  calibration: Sequence[tuple[np.ndarray, np.ndarray]],
  crop: int = 0,
) -> tuple[int, int]:
  """Writes the page.

  Args:
    folder: where; it is made.
    study: what is shown.
    methods: the images of all its items.
    calibration: images as an example of 1 and of 5, uint8, equally large.
    crop: larger sides are cropped to the center; 0: none are.

  Returns:
    The largest height and width of an image.

  Raises:
    errors.InputError: an image cannot be read, versions of one differ in size,
      or a file cannot be written.
  """
  sizes: dict[candidates.Source, tuple[int, int]] = {}
  by_source: dict[candidates.Source, list[study_lib.Item]] = {}
  for item in study.items:
    by_source.setdefault(item.source, []).append(item)
  for source, items in by_source.items():
    arrays = {name: methods[name][source]() for name in study.methods}
    candidates.check_sizes(source, arrays)
    arrays = {name: center(each, crop) for name, each in arrays.items()}
    for item in items:
      images.write(folder / IMAGES / f"{item.id}.png", arrays[item.method])
    sizes[source] = next(iter(arrays.values())).shape[:2]
  numbers = {source: index for index, source in enumerate(by_source)}
  shown = {
    "format": study_lib.FORMAT,
    "study": study.id,
    "title": study.title,
    "items": [
      {
        "id": item.id,
        "scene": numbers[item.source],
        "height": sizes[item.source][0],
        "width": sizes[item.source][1],
      }
      for item in study.items
    ],
    "calibration": _write_calibration(folder, calibration),
  }
  text = json.dumps(shown).replace("<", "\\u003c")
  atomic.replace(folder / "study.js", f"const STUDY = {text};\n".encode())
  ours = importlib.resources.files("srfeat_jax.mos") / "page"
  for name in FILES:
    if name != "study.js":
      atomic.replace(folder / name, (ours / name).read_bytes())
  heights, widths = zip(*sizes.values(), strict=True)
  return max(heights), max(widths)


def center(image: np.ndarray, side: int) -> np.ndarray:
  """Crops sides that are longer than `side`, unless it is 0."""
  if not side:
    return image
  top, left = (max(0, length - side) // 2 for length in image.shape[:2])
  return image[top : top + side, left : left + side]


def calibration_name(index: int, score: int) -> str:
  """The file of an example, which raters are to see with its score."""
  return f"example{index + 1}_{study_lib.WORDS[score]}.png"


def _write_calibration(folder, calibration) -> list[dict]:
  found = []
  for index, pair in enumerate(calibration):
    for image, score in zip(pair, (1, 5), strict=True):
      name = calibration_name(index, score)
      images.write(folder / IMAGES / name, image)
    height, width = pair[0].shape[:2]
    files = [calibration_name(index, score) for score in (1, 5)]
    found.append({"files": files, "height": height, "width": width})
  return found
