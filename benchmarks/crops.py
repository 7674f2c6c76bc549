"""Crops of images, upscaled and laid out at 100 %."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srfeat_jax import errors
from srfeat_jax.image_io import images

_SIZE = (96, 72)  # default width and height of crops, in pixels of the image
_MARGIN = 32  # pixels around the crop that networks get too
_GAP, _CAPTION = 8, 24  # pixels of the sheet
_SCALE = 4

Box = tuple[int, int, int, int]


def read(text: str) -> tuple[np.ndarray, Box]:
  """Reads IMAGE or IMAGE@LEFT,TOP,WIDTH,HEIGHT.

  Returns:
    The image, uint8 [H, W, 3], and left, top, right, bottom of the crop.

  Raises:
    errors.InputError: the image cannot be read, or the crop is not four whole
      numbers or not within the image.
  """
  path, at, place = text.rpartition("@")
  if not at:
    path = text
  image = images.read_rgb(path)
  height, width = image.shape[:2]
  if at:
    try:
      left, top, columns, rows = map(int, place.split(","))
    except ValueError as error:
      raise errors.InputError(
        f"{text}: expected LEFT,TOP,WIDTH,HEIGHT after @, four whole numbers"
      ) from error
  else:
    columns, rows = min(_SIZE[0], width), min(_SIZE[1], height)
    left, top = (width - columns) // 2, (height - rows) // 2
  right, bottom = left + columns, top + rows
  if not (0 <= left < right <= width and 0 <= top < bottom <= height):
    raise errors.InputError(
      f"{text}: the crop is not within the image, which has {width} x {height}"
      " pixels (width x height)"
    )
  return image, (left, top, right, bottom)


def upscaled(upscale, image: np.ndarray, box: Box) -> np.ndarray:
  """Upscales a crop with a margin around it, and cuts the margin off.

  Args:
    upscale: see `inference.upscaler`; for x4.
    image: uint8 [H, W, 3].
    box: left, top, right and bottom, in its pixels.

  Returns:
    The crop, 4 times as large: uint8 [4 h, 4 w, 3].
  """
  left, top, right, bottom = box
  x, y = max(0, left - _MARGIN), max(0, top - _MARGIN)
  sr = upscale(image[y : bottom + _MARGIN, x : right + _MARGIN])
  rows = slice(_SCALE * (top - y), _SCALE * (bottom - y))
  columns = slice(_SCALE * (left - x), _SCALE * (right - x))
  return sr[rows, columns]


def sheet(columns: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
  """Lays images out with a caption over each column.

  Args:
    columns: the images of each column, uint8 [H, W, 3], by its caption; all
      images of a row have the same shape.

  Returns:
    uint8 [height, width, 3].
  """
  rows = next(iter(columns.values()))
  width = max(image.shape[1] for image in rows) + _GAP
  height = sum(image.shape[0] + _GAP for image in rows)
  paper = Image.new(
    "RGB", (_GAP + width * len(columns), _CAPTION + height), "white"
  )
  font = ImageFont.load_default(16)
  for i, (caption, column) in enumerate(columns.items()):
    x, y = _GAP + i * width, _CAPTION
    # On a strip of its own, which cuts off what is too long.
    strip = Image.new("RGB", (width - _GAP, _CAPTION), "white")
    ImageDraw.Draw(strip).text((0, 2), caption, "black", font)
    paper.paste(strip, (x, 0))
    for image in column:
      paper.paste(Image.fromarray(image), (x, y))
      y += image.shape[0] + _GAP
  return np.asarray(paper)
