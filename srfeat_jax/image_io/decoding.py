"""Opening an image file and decoding its pixels.

Whatever is wrong with a file, the only exception is `errors.InputError`, one
sentence that names the file. All functions are thread-safe.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Collection, Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

from srfeat_jax import errors
from srfeat_jax.image_io import formats as formats_lib
from srfeat_jax.image_io import heif

_ORIENTATION = 0x0112

# Pillow warns about odd but harmless metadata, and about large images, which
# are refused here. `warnings.catch_warnings` around a read is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


@contextlib.contextmanager
def opened(
  path: str | os.PathLike, formats: Collection[str] = formats_lib.PLAIN
) -> Iterator[Image.Image]:
  """Opens an image; exceptions in the body count as errors in the file.

  Args:
    path: the file.
    formats: the formats that are allowed, by Pillow's names.

  Yields:
    The image, its pixels not yet decoded.

  Raises:
    errors.InputError: the file cannot be opened, is damaged, truncated or no
      image, or has more pixels than Pillow's safety limit.
  """
  if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
    # Opening a pipe would wait for its writer.
    raise errors.InputError(
      f"{path} cannot be read: it is a pipe or device, not a file"
    )
  try:
    handle = open(path, "rb")  # noqa: SIM115, closed below
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}"
    ) from error
  with handle:
    try:
      image = Image.open(handle, formats=tuple(formats))
      limit = Image.MAX_IMAGE_PIXELS
      if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombError("beyond the limit")
      yield image
    # Pillow promises no set of exceptions for damaged files: besides OSError
    # its decoders raise SyntaxError, ValueError, struct.error, KeyError, ...
    except errors.InputError:
      raise
    except Exception as error:
      problem = _problem(handle, error, formats)
      raise errors.InputError(f"{path} {problem}") from error


def _problem(
  handle: io.BufferedReader, error: Exception, formats: Collection[str]
) -> str:
  if isinstance(error, Image.DecompressionBombError):
    return (
      f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels, the limit that guards"
      " against malicious files: cut it into parts"
    )
  if isinstance(error, MemoryError):
    return "cannot be read: there is not enough memory"
  if isinstance(error, UnidentifiedImageError):
    handle.seek(0)
    start = handle.read(12)
    if not start:
      return "is empty (0 bytes): expected an image"
    if heif.is_heif(start) and not heif.AVAILABLE:
      return f"is a HEIC file: to read such files, {heif.REMEDY}"
    names = "/".join(name for name in formats if name != heif.NAME)
    return f"is not a readable {names} image (it begins with {start[:8]!r})"
  return f"is damaged or truncated ({type(error).__name__}: {error})"


def orientation_of(image: Image.Image) -> int:
  """Returns the EXIF orientation, 1 to 8, that is still to be applied."""
  if image.format == "TIFF":
    return 1  # Pillow orients TIFF images itself, their size included
  try:
    # PNG's own getexif would decode the pixels to look for EXIF after them.
    orientation = Image.Image.getexif(image).get(_ORIENTATION, 1)
  except Exception:
    return 1  # damaged metadata does not make a damaged image
  return orientation if orientation in range(1, 9) else 1


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
  """Applies an EXIF orientation to [H, W, ...]."""
  if orientation >= 5:
    pixels = pixels.swapaxes(0, 1)
  if orientation in (3, 4, 7, 8):
    pixels = pixels[::-1]
  if orientation in (2, 3, 6, 7):
    pixels = pixels[:, ::-1]
  return np.ascontiguousarray(pixels)


def gray_scale(image: Image.Image) -> tuple[bool, int]:
  """Returns whether 0 is white in deep gray, and the largest value."""
  if image.format != "TIFF":
    return False, 65535
  # Pillow inverts 8-bit "white is zero" images, but not deeper ones.
  bits, meaning = (image.tag_v2.get(tag) for tag in (258, 262))
  return meaning == 0, 4095 if bits == (12,) else 65535


def to_levels(
  path: str | os.PathLike, values: np.ndarray, top: int, dtype: type
) -> np.ndarray:
  """Scales gray integers in [0, top] or floats in [0, 1] to a dtype's range.

  Args:
    path: the file that they were read from.
    values: integers or floats of any shape.
    top: white, if they are integers.
    dtype: np.uint8 or np.uint16.

  Returns:
    The values in that dtype, whose largest number is white.

  Raises:
    errors.InputError: a value is out of range.
  """
  top = 1 if values.dtype.kind == "f" else top
  low, high = values.min(), values.max()
  # Written so that a NaN fails it.
  if not (low >= 0 and high <= top):
    raise errors.InputError(
      f"{path} has {values.dtype} values from {low} to {high}, expected 0 to"
      f" {top}: save it with 8 or 16 bits"
    )
  factor = np.float32(np.iinfo(dtype).max / top)
  return np.floor(values * factor + 0.5).astype(dtype)
