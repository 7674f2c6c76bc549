"""The file formats that pictures are written in, and what they can hold."""

import dataclasses
import os
import pathlib

from srfeat_jax import errors


@dataclasses.dataclass(frozen=True)
class Format:
  """What a file format can hold.

  Attributes:
    name: as Pillow and people call it.
    side: most pixels a side.
    alpha: whether it holds transparency.
    deep: whether it holds 16 bits.
    animation: whether it holds several frames.
    notes: which of "icc", "exif", "xmp" and "text" it holds.
  """

  name: str
  side: int
  alpha: bool = False
  deep: bool = False
  animation: bool = False
  notes: tuple[str, ...] = ("icc", "exif", "xmp")


FORMATS = {
  "png": Format(
    *("PNG", 2**31 - 1, True, True, True, ("icc", "exif", "xmp", "text"))
  ),
  "jpeg": Format("JPEG", 65500),
  "webp": Format("WEBP", 16383, alpha=True, animation=True),
  "tiff": Format("TIFF", 2**31 - 1, alpha=True, deep=True),
  "gif": Format("GIF", 65535, alpha=True, animation=True, notes=()),
  "bmp": Format("BMP", 2**31 - 1, notes=()),
}
ENDINGS = {
  ".png": "png",
  ".apng": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
  ".tif": "tiff",
  ".tiff": "tiff",
  ".gif": "gif",
  ".bmp": "bmp",
}


def format_of(path: str | os.PathLike) -> Format:
  """The format that a file's ending stands for.

  Raises:
    errors.InputError: none that can be written.
  """
  ending = pathlib.Path(path).suffix.lower()
  if ending not in ENDINGS:
    raise errors.InputError(
      f"{path} cannot be written: its ending must be one of"
      f" {', '.join(ENDINGS)}."
    )
  return FORMATS[ENDINGS[ending]]
