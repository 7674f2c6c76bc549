"""Plain pixels of image files, for training, benchmarks and results.

Finding files, reading and writing them; what people upscale goes through
`pictures`, which keeps all else that is in a file.

A picture is a numpy uint8 array, [H, W, 3] in RGB or [H, W] in gray, turned
the way its EXIF orientation says. Whatever is wrong with a file, the only
exception is `errors.InputError`, in one sentence that names the file. All
functions may be called from several threads.
"""

import io
import os
import pathlib
from collections.abc import Collection

import numpy as np
from PIL import Image

from srfeat_jax import atomic, errors
from srfeat_jax.image_io import decoding, formats

EXTENSIONS = tuple(formats.PLAIN_ENDINGS)


def find(
  folder: str | os.PathLike, extensions: Collection[str] = EXTENSIONS
) -> list[pathlib.Path]:
  """Lists the picture files of a folder tree, by their endings.

  Hidden files and folders (names that begin with a dot) are left out. Links to
  folders are followed; a folder that is reached twice is listed once.

  Returns:
    The files, at least one, sorted by their POSIX path below `folder`.

  Raises:
    errors.InputError: `folder` is missing, is not a folder, may not be read, or
      holds no file with one of `extensions` in upper or lower case.
  """
  folder = pathlib.Path(folder)

  def refuse(error: OSError):
    raise errors.InputError(
      f"The folder {error.filename} cannot be read: {error.strerror}."
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
      if name[0] != "." and pathlib.Path(name).suffix.lower() in extensions:
        found.append(pathlib.Path(parent, name))
  if not found:
    raise errors.InputError(
      f"The folder {folder} holds no picture: no file in it or below it ends"
      f" in {', '.join(extensions)}."
    )
  return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def read(path: str | os.PathLike) -> np.ndarray:
  """Reads a picture; the first one of a file that holds several.

  What is not 8-bit RGB or gray is converted:

  * 16-bit and 12-bit gray is scaled to 8 bits and rounded. Of 16-bit colour,
    Pillow keeps the high byte.
  * Gray in 32-bit integers is taken for 16-bit gray and gray in floats for
    [0, 1]; values outside that are an error.
  * 1-bit pictures become 0 and 255; palettes, CMYK, YCbCr and LAB become
    RGB; colour profiles are not applied.
  * Transparency is laid over white, as on a page. The colours of pixels that
    nobody sees are chance, and a network would learn them and their edges.
    (The one transparent colour of a 16-bit PNG is not looked for.)

  Args:
    path: the file; its contents, not its ending, say which format it has.

  Returns:
    uint8 [H, W] if the file is gray, with or without transparency, else
    uint8 [H, W, 3].

  Raises:
    errors.InputError: the file cannot be opened, is damaged, cut short or no
      picture, has more pixels than Pillow's safety limit, or has gray values
      that cannot be converted.
  """
  with decoding.opened(path) as image:
    orientation = decoding.orientation_of(image)
    image.load()
    white_is_zero, top = decoding.gray_scale(image)
    pixels = np.array(_plain(image))
  if pixels.dtype != np.uint8:
    pixels = decoding.to_levels(path, pixels, top, np.uint8)
    pixels = 255 - pixels if white_is_zero else pixels
  return decoding.turned(pixels, orientation)


def read_rgb(path: str | os.PathLike) -> np.ndarray:
  """Reads a picture like `read`, gray repeated to three channels: [H, W, 3]."""
  pixels = read(path)
  if pixels.ndim == 2:
    pixels = np.repeat(pixels[..., None], 3, axis=-1)
  return pixels


def size(path: str | os.PathLike) -> tuple[int, int]:
  """Reads the (height, width) that `read` would give, from the header alone.

  Raises:
    errors.InputError: as `read`, but damage to the pixels goes unnoticed.
  """
  with decoding.opened(path) as image:
    width, height = image.size
    sideways = decoding.orientation_of(image) >= 5
  return (width, height) if sideways else (height, width)


def write(path: str | os.PathLike, image: np.ndarray) -> None:
  """Writes a picture whole or not at all, making missing folders.

  The ending chooses the format: JPEG has quality 95 and full colour resolution,
  all others are lossless. WebP stores gray as RGB.

  Args:
    path: the file; one that exists is replaced.
    image: uint8 [H, W, 3] or [H, W].

  Raises:
    errors.InputError: the ending is not one of `EXTENSIONS`, the picture is too
      large for the format, or the file cannot be written.
    ValueError: `image` has another shape or dtype.
  """
  path = pathlib.Path(path)
  if path.suffix.lower() not in EXTENSIONS:
    raise errors.InputError(
      f"{path} cannot be written: its ending must be one of"
      f" {', '.join(EXTENSIONS)}."
    )
  if (
    image.dtype != np.uint8
    or image.ndim not in (2, 3)
    or image.shape[2:] not in ((), (3,))
    or not image.size
  ):
    raise ValueError(
      f"Expected uint8 [H, W, 3] or [H, W], got {image.dtype} {image.shape}."
    )
  form = formats.format_of(path)
  if max(image.shape) > form.side:
    raise errors.InputError(
      f"{path} cannot be written: {form.name} holds at most {form.side} pixels"
      f" a side, this picture has {image.shape[1]} x {image.shape[0]}; choose"
      " .png."
    )
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, form.name, **form.plain)
  atomic.replace(path, buffer.getbuffer())


def has_foreign_ending(path: str | os.PathLike) -> bool:
  """Whether a name ends as pictures do, but not as those that are written."""
  ending = pathlib.Path(path).suffix.lower()
  known = (*Image.registered_extensions(), ".heic", ".heif", ".svg")
  return ending in known and ending not in EXTENSIONS


def _plain(image: Image.Image) -> Image.Image:
  """Converts to L, RGB, or deep gray (I;16, I, F), transparency over white."""
  if image.mode.startswith(("I", "F")):
    return image
  kind = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
  if not image.has_transparency_data:
    return image.convert(kind)
  if image.mode == "La":
    image = image.convert("LA")  # Pillow knows no way from La to RGBA.
  page = Image.new("RGBA", image.size, "white")
  return Image.alpha_composite(page, image.convert("RGBA")).convert(kind)
