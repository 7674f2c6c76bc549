"""Images for the screen: previews, and what a result is compared with.

All are stills without metadata. A whole photo, shrunk to fit on a screen, would
look the same before and after it is upscaled; so of large results a part is
compared.
"""

import dataclasses

from srfeat_jax.image_io import pictures
from srfeat_jax.upscaling import picture_upscaling

_AROUND = 8  # LR pixels that bicubic interpolation may reach beyond a part


@dataclasses.dataclass(frozen=True)
class Part:
  """A part of an image, in pixels."""

  top: int
  left: int
  height: int
  width: int


def middle(size: tuple[int, int], side: int) -> Part:
  """Returns the middle of an image.

  Args:
    size: the image's height and width.
    side: the part's largest height and width, 2 or more.

  Returns:
    A part that begins at even pixels: scale factors such as 2.5 make whole
    numbers of them.
  """
  starts = [max(0, length - side) // 4 * 2 for length in size]
  return Part(*starts, *(min(length, side) for length in size))


def fitted(picture: pictures.Picture, side: int) -> pictures.Picture:
  """Shrinks an image bicubically to fit into a square, if it is larger."""
  scale = min(1, side / max(picture.size))
  return _bicubic(_still(picture), scale)


def crop(picture: pictures.Picture, part: Part) -> pictures.Picture:
  """Cuts a part out of the first frame."""
  rows = slice(part.top, part.top + part.height)
  columns = slice(part.left, part.left + part.width)
  still = _still(picture)
  still.frames = [each[rows, columns] for each in still.frames]
  still.alphas = [each[rows, columns] for each in still.alphas]
  return still


def before(
  picture: pictures.Picture, part: Part, outscale: float
) -> pictures.Picture:
  """Upscales a part bicubically, as the whole would be."""
  top, left = (max(0, each - _AROUND) for each in (part.top, part.left))
  around = Part(
    *(top, left),
    part.top - top + part.height + _AROUND,
    part.left - left + part.width + _AROUND,
  )
  upscaled = _bicubic(crop(picture, around), outscale)
  within = Part(part.top - top, part.left - left, part.height, part.width)
  return after(upscaled, within, outscale)


def after(
  sr: pictures.Picture, part: Part, outscale: float
) -> pictures.Picture:
  """Cuts out the result of a part of the image that was upscaled."""
  top, left = (round(each * outscale) for each in (part.top, part.left))
  size = picture_upscaling.upscaled_size(part.height, part.width, outscale)
  return crop(sr, Part(top, left, *size))


def _bicubic(picture: pictures.Picture, scale: float) -> pictures.Picture:
  return picture_upscaling.upscale(
    picture, lambda color, on_pixels: color, 1, scale
  )


def _still(picture: pictures.Picture) -> pictures.Picture:
  return dataclasses.replace(
    picture,
    frames=picture.frames[:1],
    alphas=picture.alphas[:1],
    durations=[],
    exif=b"",
    xmp=b"",
  )
