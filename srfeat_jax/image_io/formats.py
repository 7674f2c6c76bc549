"""The image file formats: one table of what is read and written, and how.

A format's key is its name in `upscale --format`. To support a new format, begin
with an entry here: `python -m srfeat_jax.upscale` and the page then accept its
file extensions.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from srfeat_jax import errors
from srfeat_jax.image_io import heif


@dataclasses.dataclass(frozen=True)
class Format:
  """What a file format can hold.

  Attributes:
    name: the name that Pillow and people use.
    extensions: file extensions, the most common one first.
    side: the largest width or height in pixels; 0: it is read, but not written.
    alpha: whether it holds transparency.
    deep: whether it holds 16 bits per channel.
    animation: whether it holds the frames of an animation.
    pages: what its further images are called, of which only the first is read;
      "": it holds none.
    metadata: which of "icc", "exif", "xmp" and "text" it holds.
    plain: Pillow's options to write 8-bit RGB and gray as data, see `images`;
      None: training and benchmarks neither read nor write it.
  """

  name: str
  extensions: tuple[str, ...]
  side: int = 0
  alpha: bool = False
  deep: bool = False
  animation: bool = False
  pages: str = ""
  metadata: tuple[str, ...] = ("icc", "exif", "xmp")
  plain: Mapping[str, Any] | None = None


FORMATS = {
  "png": Format(
    "PNG",
    (".png", ".apng"),
    2**31 - 1,
    alpha=True,
    deep=True,
    animation=True,
    metadata=("icc", "exif", "xmp", "text"),
    plain={},
  ),
  "jpeg": Format(
    "JPEG",
    (".jpg", ".jpeg"),
    65500,
    pages="images",
    plain={"quality": 95, "subsampling": "4:4:4"},
  ),
  "webp": Format(
    "WEBP",
    (".webp",),
    16383,
    alpha=True,
    animation=True,
    plain={"lossless": True},
  ),
  "tiff": Format(
    "TIFF",
    (".tif", ".tiff"),
    2**31 - 1,
    alpha=True,
    deep=True,
    pages="pages",
    plain={"compression": "tiff_lzw"},
  ),
  "gif": Format(
    "GIF", (".gif",), 65535, alpha=True, animation=True, metadata=()
  ),
  "bmp": Format("BMP", (".bmp",), 2**31 - 1, metadata=(), plain={}),
  "avif": Format("AVIF", (".avif",), animation=True),
  # Only where `heif.AVAILABLE`.
  "heif": Format(
    heif.NAME, (".heic", ".heif", ".hif", ".heics", ".heifs"), pages="images"
  ),
  "jpeg2000": Format("JPEG2000", (".jp2",)),
  "ppm": Format("PPM", (".ppm", ".pgm")),
}
WRITTEN = tuple(key for key, form in FORMATS.items() if form.side)
# Formats by file extension: all that are read, those that are written, and
# those of training and benchmarks, whose images are not animated.
READ_EXTENSIONS = {
  extension: form
  for form in FORMATS.values()
  for extension in form.extensions
  if form.name != heif.NAME or heif.AVAILABLE
}
WRITE_EXTENSIONS = {e: form for e, form in READ_EXTENSIONS.items() if form.side}
PLAIN_EXTENSIONS = {
  extension: form
  for extension, form in WRITE_EXTENSIONS.items()
  if form.plain is not None and extension != ".apng"
}
# What Pillow may try, whatever the file extension: it knows other formats that
# run programs (EPS) or are not images (PDF, MPEG).
READABLE = tuple({form.name: form for form in READ_EXTENSIONS.values()})
BY_PILLOW = {form.name: form for form in FORMATS.values()} | {
  "MPO": FORMATS["jpeg"]  # what Pillow calls a JPEG file of several images
}
PLAIN = tuple(form.name for form in FORMATS.values() if form.plain is not None)


def format_of(path: str | os.PathLike) -> Format:
  """Returns the format to write, by the file extension.

  Raises:
    errors.InputError: no such format can be written.
  """
  extension = pathlib.Path(path).suffix.lower()
  if extension not in WRITE_EXTENSIONS:
    raise errors.InputError(
      f"{path} cannot be written: its file extension must be one of"
      f" {', '.join(WRITE_EXTENSIONS)}"
    )
  return WRITE_EXTENSIONS[extension]
