"""A person's picture files: finding, reading and writing them.

A picture is a numpy uint8 array, [H, W, 3] in RGB or [H, W] in gray, turned
the way its EXIF orientation says. Whatever is wrong with a file, the only
exception is `errors.InputError`, in one sentence that names the file. All
functions may be called from several threads.
"""

import contextlib
import io
import os
import pathlib
import warnings
from collections.abc import Collection, Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

from srfeat_jax import errors, files

_JPEG = ("JPEG", 65500, {"quality": 95, "subsampling": "4:4:4"})
_TIFF = ("TIFF", 2**31 - 1, {"compression": "tiff_lzw"})
# How each ending is written: format, most pixels a side, options.
_WRITTEN = {
  ".png": ("PNG", 2**31 - 1, {}),
  ".jpg": _JPEG,
  ".jpeg": _JPEG,
  ".webp": ("WEBP", 16383, {"lossless": True}),
  ".bmp": ("BMP", 2**31 - 1, {}),
  ".tif": _TIFF,
  ".tiff": _TIFF,
}
EXTENSIONS = tuple(_WRITTEN)

# The formats that are tried, whatever the ending says: Pillow knows others
# that run programs (EPS) or are no pictures (PDF, MPEG).
READABLE = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112

# Pillow warns of odd but harmless metadata, and of large pictures, which are
# refused here. `warnings.catch_warnings` around a read is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


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
  with opened(path) as image:
    orientation = orientation_of(image)
    image.load()
    white_is_zero, top = gray_scale(image)
    pixels = np.array(_plain(image))
  if pixels.dtype != np.uint8:
    pixels = to_levels(path, pixels, top, np.uint8)
    pixels = 255 - pixels if white_is_zero else pixels
  return turned(pixels, orientation)


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
  with opened(path) as image:
    width, height = image.size
    sideways = orientation_of(image) >= 5
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
  if path.suffix.lower() not in _WRITTEN:
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
  kind, limit, options = _WRITTEN[path.suffix.lower()]
  if max(image.shape) > limit:
    raise errors.InputError(
      f"{path} cannot be written: {kind} holds at most {limit} pixels a side,"
      f" this picture has {image.shape[1]} x {image.shape[0]}; choose .png."
    )
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, kind, **options)
  files.replace(path, buffer.getbuffer())


def has_foreign_ending(path: str | os.PathLike) -> bool:
  """Whether a name ends as pictures do, but not as those that are written."""
  ending = pathlib.Path(path).suffix.lower()
  known = (*Image.registered_extensions(), ".heic", ".heif", ".svg")
  return ending in known and ending not in EXTENSIONS


@contextlib.contextmanager
def opened(
  path: str | os.PathLike, formats: Collection[str] = READABLE
) -> Iterator[Image.Image]:
  """Opens a picture; errors in the body are taken for errors of the file.

  Args:
    path: the file.
    formats: what it may be, as Pillow names them.

  Yields:
    The picture, its pixels not yet decoded.

  Raises:
    errors.InputError: as `read`.
  """
  if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
    # To open a pipe would be to wait for whoever writes to it.
    raise errors.InputError(
      f"{path} cannot be read: it is a pipe or device, not a file."
    )
  try:
    handle = open(path, "rb")  # noqa: SIM115, closed below
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}."
    ) from error
  with handle:
    try:
      image = Image.open(handle, formats=formats)
      if image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError("beyond the limit")
      yield image
    # Pillow promises no set of exceptions for damaged files: besides OSError
    # its decoders raise SyntaxError, ValueError, struct.error, KeyError, ...
    except errors.InputError:
      raise
    except Exception as error:
      complaint = _complaint(handle, error, formats)
      raise errors.InputError(f"{path} {complaint}") from error


def _complaint(
  handle: io.BufferedReader, error: Exception, formats: Collection[str]
) -> str:
  if isinstance(error, Image.DecompressionBombError):
    return (
      f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels, the limit that guards"
      " against harmful files: cut it into parts."
    )
  if isinstance(error, MemoryError):
    return "cannot be read: it needs more memory than there is."
  if isinstance(error, UnidentifiedImageError):
    handle.seek(0)
    start = handle.read(8)
    if not start:
      return "is empty (0 bytes): a picture is expected."
    return (
      f"is not a readable {'/'.join(formats)} picture (it begins with"
      f" {start!r})."
    )
  return f"is damaged or cut short ({type(error).__name__}: {error})."


def orientation_of(image: Image.Image) -> int:
  """Returns the EXIF orientation, 1 to 8, that is still to be applied."""
  if image.format == "TIFF":
    return 1  # Pillow turns TIFF pictures itself, their size included.
  try:
    # PNG's own getexif would decode the pixels to look for EXIF behind them.
    orientation = Image.Image.getexif(image).get(_ORIENTATION, 1)
  except Exception:
    return 1  # Damaged notes do not make a damaged picture.
  return orientation if orientation in range(1, 9) else 1


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
  """Applies an EXIF orientation to [H, W, ...]."""
  if orientation >= 5:
    pixels = pixels.swapaxes(0, 1)
  if orientation in (3, 4, 7, 8):
    pixels = pixels[::-1]
  if orientation in (2, 3, 6, 7):
    pixels = pixels[:, ::-1]
  return np.ascontiguousarray(pixels)


def gray_scale(image: Image.Image) -> tuple[bool, int]:
  """Returns whether 0 is white in deep gray, and its largest value."""
  if image.format != "TIFF":
    return False, 65535
  # Pillow inverts 8-bit "white is zero" pictures, but not deeper ones.
  bits, meaning = (image.tag_v2.get(tag) for tag in (258, 262))
  return meaning == 0, 4095 if bits == (12,) else 65535


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


def to_levels(
  path: str | os.PathLike, values: np.ndarray, top: int, dtype: type
) -> np.ndarray:
  """Scales gray integers in [0, top] or floats in [0, 1] to all of a dtype.

  Args:
    path: the file they are from.
    values: integers or floats of any shape.
    top: white, if they are integers.
    dtype: np.uint8 or np.uint16.

  Returns:
    Them in that dtype, white being its largest number.

  Raises:
    errors.InputError: a value is outside these bounds.
  """
  top = 1 if values.dtype.kind == "f" else top
  low, high = values.min(), values.max()
  # Written so that a NaN fails it.
  if not (low >= 0 and high <= top):
    raise errors.InputError(
      f"{path} holds {values.dtype} values from {low} to {high}; expected 0 to"
      f" {top}: save it with 8 or 16 bits."
    )
  factor = np.float32(np.iinfo(dtype).max / top)
  return np.floor(values * factor + 0.5).astype(dtype)
