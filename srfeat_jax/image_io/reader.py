"""Reading an image file as a `Picture`."""

import io
import os

import numpy as np
from PIL import Image, ImageCms

from srfeat_jax import errors
from srfeat_jax.image_io import decoding, formats, metadata, sixteen_bits
from srfeat_jax.image_io.picture import Picture

_GRAY = ("1", "L", "LA", "La")
_BITS_TAG = 258


def read(path: str | os.PathLike) -> Picture:
  """Reads an image or animation, upright.

  Gray stays gray and 16 bits stay 16 bits; transparency and metadata are kept.
  Palettes become RGB. CMYK and LAB become sRGB, CMYK by its profile if it has
  one. Every frame of an animation is read as it is displayed, drawn over the
  previous ones. Of several pages, only the first is read. `Picture.warnings`
  says what was changed.

  Args:
    path: the file; its contents, not its extension, determine the format.

  Raises:
    errors.InputError: the file cannot be opened, is damaged, truncated or no
      image, has more pixels (in all frames) than Pillow's safety limit, or has
      gray values that cannot be converted.
  """
  with decoding.opened(path, formats.READABLE) as image:
    if _form(image).animation and getattr(image, "n_frames", 1) > 1:
      return _animation(path, image)
    return _still(path, image)


def size(path: str | os.PathLike) -> tuple[int, int, int]:
  """Reads height, width and number of frames from the headers alone.

  Raises:
    errors.InputError: as `read`, but damaged pixels go unnoticed.
  """
  with decoding.opened(path, formats.READABLE) as image:
    width, height = image.size
    if decoding.orientation_of(image) >= 5:
      width, height = height, width
    frames = 1
    if _form(image).animation:
      frames = getattr(image, "n_frames", 1) - _has_separate_still(image)
    return height, width, max(frames, 1)


def from_image(image: Image.Image, path: str = "the image") -> Picture:
  """Converts the current frame of a PIL image, without orienting it.

  Args:
    image: of any mode.
    path: what error messages call it.

  Raises:
    errors.InputError: it has gray values that cannot be converted.
  """
  icc, warnings = metadata.profile(image), []
  if image.mode == "F":
    warnings.append("its floats became 16-bit integers")
  image, icc = _plain_colors(image, icc, warnings)
  color, alpha = _planes(path, image)
  icc = _matching_profile(icc, color, warnings)
  return Picture(
    [color], [] if alpha is None else [alpha], icc=icc, warnings=warnings
  )


def _form(image: Image.Image) -> formats.Format:
  """The format of a file that `decoding.opened` opened."""
  return formats.BY_PILLOW[image.format or ""]


def _still(path, image: Image.Image) -> Picture:
  warnings = []
  pages = _form(image).pages
  if pages and getattr(image, "n_frames", 1) > 1:
    warnings.append(
      f"of its {image.n_frames} {pages}, only the first was upscaled"
    )
  orientation = decoding.orientation_of(image)
  if sixteen_bits.has_deep_color(image):
    color, alpha = sixteen_bits.read(image)
    image.load()  # also finds the metadata after the pixels
    icc = _matching_profile(metadata.profile(image), color, warnings)
    picture = Picture([color], [] if alpha is None else [alpha], icc=icc)
  else:
    if _bits(image) > 8 and not image.mode.startswith(("I", "F")):
      warnings.append(f"its {_bits(image)}-bit color became 8-bit")
    image.load()
    picture = from_image(image, path)
  picture.warnings = warnings + picture.warnings
  picture.frames = [
    decoding.oriented(each, orientation) for each in picture.frames
  ]
  picture.alphas = [
    decoding.oriented(each, orientation) for each in picture.alphas
  ]
  _add_metadata(picture, image)
  return picture


def _animation(path, image: Image.Image) -> Picture:
  first = _has_separate_still(image)
  count = image.n_frames - first
  if count * image.width * image.height > Image.MAX_IMAGE_PIXELS:
    raise errors.InputError(
      f"{path} has {count} frames of {image.width} x {image.height} pixels,"
      f" together more than {Image.MAX_IMAGE_PIXELS:,}, the limit that guards"
      " against malicious files: cut it into parts"
    )
  orientation, icc = decoding.orientation_of(image), metadata.profile(image)
  picture = Picture([], plays=_plays(image), warnings=[])
  if sixteen_bits.has_deep_color(image):
    picture.warnings.append("its 16-bit color became 8-bit")
  for index in range(first, first + count):
    image.seek(index)
    image.load()
    pixels = decoding.oriented(np.array(image.convert("RGBA")), orientation)
    picture.frames.append(np.ascontiguousarray(pixels[..., :3]))
    picture.alphas.append(np.ascontiguousarray(pixels[..., 3]))
    picture.durations.append(float(image.info.get("duration") or 0))
  if all((alpha == 255).all() for alpha in picture.alphas):
    picture.alphas = []
  if len(picture.frames) == 1:  # besides a still that no player shows
    picture.durations = []
  picture.icc = _matching_profile(icc, picture.frames[0], picture.warnings)
  _add_metadata(picture, image)
  return picture


def _has_separate_still(image: Image.Image) -> bool:
  """Whether the first frame is for programs that do not play animations."""
  return bool(image.format == "PNG" and image.info.get("default_image"))


def _plays(image: Image.Image) -> int:
  """How often an animation is played; 0: forever."""
  if image.format == "GIF":  # it says how often it is repeated, if at all
    loop = image.info.get("loop")
    return 1 if loop is None else loop and loop + 1
  return int(image.info.get("loop") or 0)


def _add_metadata(picture: Picture, image: Image.Image) -> None:
  picture.exif, warnings = metadata.exif(image)
  picture.warnings += warnings
  picture.xmp = metadata.xmp(image)
  picture.text = metadata.text(image)


def _bits(image: Image.Image) -> int:
  """Bits of a TIFF's deepest channel; 8 for other formats."""
  if image.format != "TIFF":
    return 8
  return max(image.tag_v2.get(_BITS_TAG, (8,)))


def _plain_colors(
  image: Image.Image, icc: bytes, warnings: list[str]
) -> tuple[Image.Image, bytes]:
  """Converts all except gray, RGB and palettes; returns the profile, too."""
  if image.mode not in ("CMYK", "LAB", "YCbCr", "HSV"):
    return image, icc
  if image.mode != "CMYK":
    warnings.append(f"{image.mode} became RGB")
    return image.convert("RGB"), b""
  if metadata.profile_space(icc) == "CMYK":
    try:
      converted = ImageCms.profileToProfile(
        image,
        io.BytesIO(icc),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
      )
    except ImageCms.PyCMSError:
      pass
    else:
      warnings.append("CMYK became sRGB by its profile")
      assert converted is not None  # it is, for conversion in place
      return converted, b""
  warnings.append("CMYK without a usable profile became RGB approximately")
  return image.convert("RGB"), b""


def _planes(path, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
  """Returns color, [h, w] or [h, w, 3], and alpha of gray, RGB or a palette."""
  if image.mode.startswith(("I", "F")):
    return _deep_gray(path, image)
  if image.mode == "La":
    image = image.convert("LA")  # Pillow converts La to nothing else
  gray = image.mode in _GRAY
  if not image.has_transparency_data:
    return np.array(image.convert("L" if gray else "RGB")), None
  if image.mode == "1":
    image = _with_transparency(image.convert("L"), image)
  if gray:
    both = np.array(image.convert("LA"))
    return both[..., 0].copy(), both[..., 1].copy()
  both = np.array(image.convert("RGBA"))
  return both[..., :3].copy(), both[..., 3].copy()


def _with_transparency(image: Image.Image, old: Image.Image) -> Image.Image:
  image.info["transparency"] = 255 * bool(old.info["transparency"])
  return image


def _deep_gray(
  path, image: Image.Image
) -> tuple[np.ndarray, np.ndarray | None]:
  """Returns uint16 for what Pillow keeps in 16 or 32 bits or in floats."""
  white_is_zero, top = decoding.gray_scale(image)
  values = np.array(image)
  color = decoding.to_levels(path, values, top, np.uint16)
  alpha = None
  hidden = image.info.get("transparency")
  if isinstance(hidden, int):
    alpha = np.where(values == hidden, 0, 65535).astype(np.uint16)
  return (65535 - color if white_is_zero else color), alpha


def _matching_profile(
  icc: bytes, color: np.ndarray, warnings: list[str]
) -> bytes:
  """Returns the profile if it is for colors of this kind."""
  wanted = "GRAY" if color.ndim == 2 else "RGB"
  if not icc or metadata.profile_space(icc) == wanted:
    return icc
  warnings.append(f"its color profile, not for {wanted}, was left out")
  return b""
