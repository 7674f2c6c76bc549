"""Finding, reading and writing image files as 8-bit arrays.

An image is a numpy uint8 array, [H, W, 3] in RGB or [H, W] in gray, with its
EXIF orientation applied. Training and benchmarks use this; `pictures` keeps
what photos have besides, such as 16 bits and transparency. Whatever is wrong
with a file, the only exception is `errors.InputError`, one sentence that names
the file. All functions are thread-safe.
"""

import io
import os
import pathlib
from collections.abc import Callable, Collection

import numpy as np
from PIL import Image

from srfeat_jax import atomic, errors, gray, places
from srfeat_jax.image_io import decoding, formats

EXTENSIONS = tuple(formats.PLAIN_EXTENSIONS)


class Decoded:
  """An RGB image as Pillow has it, rectangles of which are made arrays.

  To make one of all pixels takes a fourth as long as to decode a JPEG photo,
  and meanwhile no other thread runs.

  Attributes:
    shape: of the array of all pixels, (H, W, 3).
  """

  def __init__(self, image: Image.Image):
    self._image = image
    self.shape = image.height, image.width, 3

  def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
    """A rectangle, uint8 [h, w, 3], perhaps read-only."""
    rows, columns = index
    top, bottom, _ = rows.indices(self.shape[0])
    left, right, _ = columns.indices(self.shape[1])
    return np.asarray(self._image.crop((left, top, right, bottom)))


def find(
  folder: str | os.PathLike,
  extensions: Collection[str] = EXTENSIONS,
  on_other: Callable[[pathlib.Path], object] | None = None,
) -> list[pathlib.Path]:
  """Lists the image files in a folder tree, by their file extensions.

  Hidden files and folders (whose names begin with a dot) are skipped. Links to
  folders are followed; a folder that is reached twice is listed once.

  Args:
    folder: the top of the tree.
    extensions: in lower case, such as ".png".
    on_other: called with each file that has another extension.

  Returns:
    The files, at least one, sorted by their POSIX path below `folder`.

  Raises:
    errors.InputError: `folder` is missing, is not a folder, cannot be read, or
      contains no file with one of `extensions` in upper or lower case.
  """
  folder = pathlib.Path(folder)

  def refuse(error: OSError):
    raise errors.InputError(
      f"the folder {error.filename} cannot be read: {error.strerror}"
    ) from error

  found = []
  seen = set()
  for parent, folders, names in os.walk(
    folder, onerror=refuse, followlinks=True
  ):
    place = os.path.realpath(parent)
    if place in seen:
      folders.clear()
      continue
    seen.add(place)
    folders[:] = sorted(name for name in folders if name[0] != ".")
    for name in names:
      if name[0] == ".":
        continue
      path = pathlib.Path(parent, name)
      if path.suffix.lower() in extensions:
        found.append(path)
      elif on_other:
        on_other(path)
  if not found:
    raise errors.InputError(
      f"the folder {folder} contains no image: no file in or below it ends in"
      f" {', '.join(extensions)}"
    )
  return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def read(path: str | os.PathLike) -> np.ndarray:
  """Reads an image; the first one of a file that contains several.

  Everything but 8-bit RGB and gray is converted:

  * 16-bit and 12-bit gray is scaled to 8 bits and rounded. Of 16-bit color,
    Pillow keeps the high byte.
  * Gray in 32-bit integers is treated as 16-bit gray, and gray in floats as
    [0, 1]; values out of range are an error.
  * 1-bit images become 0 and 255; palettes, CMYK, YCbCr and LAB become
    RGB; color profiles are not applied.
  * Transparency is composited over white, as on a page. The colors of hidden
    pixels are arbitrary, and a network would learn them and their edges. (A
    single transparent color of a 16-bit PNG is ignored.)

  Args:
    path: the file; its contents, not its extension, determine the format.

  Returns:
    uint8 [H, W] if the file is gray, with or without transparency, else
    uint8 [H, W, 3].

  Raises:
    errors.InputError: the file cannot be opened, is damaged, truncated or no
      image, has more pixels than Pillow's safety limit, or has gray values
      that cannot be converted.
  """
  return np.require(_read(path), requirements="W")


def read_rgb(path: str | os.PathLike) -> np.ndarray:
  """Reads an image like `read`, gray as three equal channels: [H, W, 3].

  The array may be read-only, which spares training a copy of each image.
  """
  return gray.to_rgb(_read(path))


def decode_rgb(path: str | os.PathLike) -> Decoded | np.ndarray:
  """What `read_rgb` returns, to cut from: as `Decoded` if that is the same."""
  with decoding.opened(path) as image:
    if image.mode == "RGB" and decoding.orientation_of(image) == 1:
      image.load()
      if image.mode == "RGB" and _plain(image) is image:
        return Decoded(image)
  return read_rgb(path)


def _read(path: str | os.PathLike) -> np.ndarray:
  """What `read` returns, perhaps read-only."""
  with decoding.opened(path) as image:
    orientation = decoding.orientation_of(image)
    image.load()
    white_is_zero, top = decoding.gray_scale(image)
    pixels = np.asarray(_plain(image))
  if pixels.dtype != np.uint8:
    pixels = decoding.to_levels(path, pixels, top, np.uint8)
    pixels = 255 - pixels if white_is_zero else pixels
  return decoding.oriented(pixels, orientation)


def size(path: str | os.PathLike) -> tuple[int, int]:
  """Reads the (height, width) that `read` would give, from the header alone.

  Raises:
    errors.InputError: as `read`, but damaged pixels go unnoticed.
  """
  with decoding.opened(path) as image:
    width, height = image.size
    sideways = decoding.orientation_of(image) >= 5
  return (width, height) if sideways else (height, width)


def write(path: str | os.PathLike, image: np.ndarray) -> None:
  """Writes an image atomically, making missing folders.

  The file extension chooses the format: JPEG has quality 95 and no chroma
  subsampling, all others are lossless. WebP stores gray as RGB.

  Args:
    path: the file; one that exists is replaced.
    image: uint8 [H, W, 3] or [H, W].

  Raises:
    errors.InputError: the extension is not one of `EXTENSIONS`, the image is
      too large for the format, or the file cannot be written.
    ValueError: `image` has another shape or dtype.
  """
  path = places.path(path)
  if path.suffix.lower() not in EXTENSIONS:
    raise errors.InputError(
      f"{path} cannot be written: its file extension must be one of"
      f" {', '.join(EXTENSIONS)}"
    )
  if (
    image.dtype != np.uint8
    or image.ndim not in (2, 3)
    or image.shape[2:] not in ((), (3,))
    or not image.size
  ):
    raise ValueError(
      f"expected uint8 [H, W, 3] or [H, W], got {image.dtype} {image.shape}"
    )
  form = formats.format_of(path)
  if max(image.shape) > form.side:
    raise errors.InputError(
      f"{path} cannot be written: {form.name} allows at most {form.side} pixels"
      f" a side, and this image has {image.shape[1]} x {image.shape[0]}; choose"
      " .png"
    )
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, form.name, **(form.plain or {}))
  atomic.replace(path, buffer.getbuffer())


def has_foreign_extension(path: str | os.PathLike) -> bool:
  """Whether the extension is that of an image that cannot be written."""
  extension = pathlib.Path(path).suffix.lower()
  known = (*Image.registered_extensions(), ".heic", ".heif", ".svg")
  return extension in known and extension not in EXTENSIONS


def _plain(image: Image.Image) -> Image.Image:
  """Converts to L, RGB, or deep gray (I;16, I, F), transparency over white."""
  if image.mode.startswith(("I", "F")):
    return image
  kind = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
  if not image.has_transparency_data:
    return image if image.mode == kind else image.convert(kind)
  if image.mode == "La":
    image = image.convert("LA")  # Pillow cannot convert La to RGBA
  page = Image.new("RGBA", image.size, "white")
  return Image.alpha_composite(page, image.convert("RGBA")).convert(kind)
