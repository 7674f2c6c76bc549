"""Writing a `Picture`, with all that the file's format can hold."""

import dataclasses
import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, PngImagePlugin

from srfeat_jax import atomic, errors, gray
from srfeat_jax.image_io import formats, sixteen_bits
from srfeat_jax.image_io.picture import Picture

_JPEG_SEGMENT = 65533 - 29  # largest EXIF or XMP in bytes, without its header
_WEBP_FLAGS, _WEBP_ALPHA = 20, 0x10  # of the chunk VP8X, the first one
_ROWS = 256  # converted at a time, because temporary copies are large
_METADATA_NAMES = {
  "icc": "color profile",
  "exif": "EXIF",
  "xmp": "XMP",
  "text": "text",
}


def check_size(path: str | os.PathLike, height: int, width: int) -> None:
  """Checks that an image of this size can be written to this file.

  Raises:
    errors.InputError: it is too large for the format, or the format cannot be
      written at all.
  """
  form = formats.format_of(path)
  if max(height, width) > form.side:
    raise errors.InputError(
      f"{path} cannot be written: {form.name} allows at most {form.side} pixels"
      f" a side, and this image has {width} x {height}; choose .png"
    )


def limit_frames(path: str | os.PathLike, picture: Picture) -> Picture:
  """Drops all frames but the first if the file's format is not animated.

  Raises:
    errors.InputError: the format cannot be written at all.
  """
  form = formats.format_of(path)
  if form.animation or len(picture.frames) == 1:
    return picture
  warning = (
    f"{form.name} holds no animation: the first of {len(picture.frames)} frames"
    " was written"
  )
  return dataclasses.replace(
    picture,
    frames=picture.frames[:1],
    alphas=picture.alphas[:1],
    durations=[],
    warnings=[*picture.warnings, warning],
  )


def write(
  path: str | os.PathLike, picture: Picture, quality: int = 95
) -> list[str]:
  """Writes an image atomically, making missing folders.

  The file extension chooses the format. What the format cannot hold is
  converted: transparency is composited over white, 16 bits are rounded to 8,
  and only the first frame of an animation is written.

  Args:
    path: the file; one that exists is replaced.
    picture: the image.
    quality: of JPEG and WebP, 1 to 100; WebP is lossless at 100.

  Returns:
    Warnings: what was converted or left out, a phrase each.

  Raises:
    errors.InputError: the extension is not one of
      `formats.WRITE_EXTENSIONS`, the image is too large for the format, or the
      file cannot be written.
  """
  form = formats.format_of(path)
  check_size(path, *picture.size)
  limited = limit_frames(path, picture)
  warnings = limited.warnings[len(picture.warnings) :]
  picture, converted = _converted(limited, form)
  try:
    data = _encoded(picture, form, quality)
  # Pillow promises no set of exceptions; what fails here is a size, a duration
  # or metadata for which the format has too few bits.
  except Exception as error:
    raise errors.InputError(
      f"{path} cannot be written as {form.name}"
      f" ({type(error).__name__}: {error})"
    ) from error
  atomic.replace(path, data)
  return warnings + converted


def _converted(
  picture: Picture, form: formats.Format
) -> tuple[Picture, list[str]]:
  """Converts an image to what a format holds; returns the warnings, too."""
  picture, warnings = dataclasses.replace(picture), []
  if picture.alphas and not form.alpha:
    if any((alpha < picture.top).any() for alpha in picture.alphas):
      warnings.append(
        f"{form.name} holds no transparency: it was composited over white"
      )
    picture.frames = [
      over_white(*both)
      for both in zip(picture.frames, picture.alphas, strict=True)
    ]
    picture.alphas = []
  if picture.top > 255 and (not form.deep or len(picture.frames) > 1):
    warnings.append(f"{form.name} holds 8 bits: 16 bits were rounded to 8")
    picture.frames = [_rounded(each) for each in picture.frames]
    picture.alphas = [_rounded(each) for each in picture.alphas]
  if form.name == "GIF":
    warnings.append("GIF holds 256 colors per frame")
  lost = []
  for name, called in _METADATA_NAMES.items():
    value = getattr(picture, name)
    if form.name == "JPEG" and name != "icc" and len(value) > _JPEG_SEGMENT:
      warnings.append(f"its {called} is too long for JPEG and was left out")
      setattr(picture, name, type(value)())
    elif value and name not in form.metadata:
      lost.append(called)
      setattr(picture, name, type(value)())
  if lost:
    warnings.append(f"{form.name} holds no {', '.join(lost)}")
  return picture, warnings


def over_white(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
  """Composites [h, w] or [h, w, 3] over white by its alpha, [h, w]."""
  top = np.int64(np.iinfo(color.dtype).max)
  result = np.empty_like(color)
  for row in range(0, len(color), _ROWS):
    rows = slice(row, row + _ROWS)
    opaque = alpha[rows].astype(np.int64)
    if color.ndim == 3:
      opaque = opaque[..., None]
    mixed = color[rows] * opaque + top * (top - opaque)
    result[rows] = (mixed + top // 2) // top
  return result


def _rounded(deep: np.ndarray) -> np.ndarray:
  """uint16 to uint8."""
  result = np.empty(deep.shape, np.uint8)
  for row in range(0, len(deep), _ROWS):
    rows = slice(row, row + _ROWS)
    result[rows] = (deep[rows].astype(np.uint32) + 128) // 257
  return result


def _encoded(
  picture: Picture, form: formats.Format, quality: int
) -> bytes | memoryview:
  if form.name == "TIFF":
    return _tiff(picture)
  if picture.top > 255:
    return _deep_png(picture, form)
  buffer = io.BytesIO()
  options = _options(picture, form, quality)
  frames = _pillow_frames(picture, form)
  if len(frames) > 1:
    options |= {"save_all": True, "append_images": frames[1:]}
    options |= _timing(picture, form)
  frames[0].save(buffer, form.name, **options)
  if form.name == "WEBP" and len(frames) > 1 and picture.alphas:
    # Without it libwebp does not declare the transparency around frames that it
    # has cropped to their opaque part.
    buffer.getbuffer()[_WEBP_FLAGS] |= _WEBP_ALPHA
  return buffer.getbuffer()


def _options(picture: Picture, form: formats.Format, quality: int) -> dict:
  """Pillow's options for the format, and the metadata."""
  keys = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}
  options = {
    key: getattr(picture, name)
    for name, key in keys.items()
    if getattr(picture, name)
  }
  if form.name == "PNG":
    options.pop("xmp", None)
    options["pnginfo"] = _png_text(picture)
  elif form.name == "JPEG":
    sampling = "4:4:4" if quality >= 90 else "4:2:0"
    options |= {"quality": quality, "subsampling": sampling}
  elif form.name == "WEBP":
    options |= {"quality": quality, "lossless": quality == 100}
  return options


def _timing(picture: Picture, form: formats.Format) -> dict:
  durations = [round(each) for each in picture.durations]
  options = {"duration": durations, "loop": picture.plays}
  if form.name == "GIF":
    # It stores the number of repetitions, and nothing if it plays once.
    repeats = picture.plays - 1 if picture.plays else 0
    options["loop"] = None if picture.plays == 1 else repeats
    options["disposal"] = 2 if picture.alphas else 1
  return options


def _pillow_frames(picture: Picture, form: formats.Format) -> list[Image.Image]:
  without: Sequence = [None] * len(picture.frames)
  alphas = picture.alphas or without
  frames = []
  for color, alpha in zip(picture.frames, alphas, strict=True):
    if form.name == "GIF":
      frames.append(_of_256_colors(color, alpha))
    else:
      both = color if alpha is None else np.dstack([color, alpha])
      frames.append(Image.fromarray(both))
  return frames


def _of_256_colors(color: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
  image = Image.fromarray(color)
  if alpha is None:
    return image if image.mode == "L" else image.quantize(256)
  image = image.convert("RGB").quantize(255)
  # In GIF a pixel is opaque or transparent.
  indices = np.where(alpha < 128, 255, np.array(image)).astype(np.uint8)
  palette = image.getpalette() or []
  image = Image.fromarray(indices, "L")
  image.putpalette(palette + [0] * (768 - len(palette)))
  image.info["transparency"] = 255
  return image


def _png_text(picture: Picture) -> PngImagePlugin.PngInfo:
  text = PngImagePlugin.PngInfo()
  for keyword, words in picture.text.items():
    text.add_itxt(keyword, words)
  if picture.xmp:
    text.add_itxt("XML:com.adobe.xmp", picture.xmp.decode("utf-8", "replace"))
  return text


def _deep_png(picture: Picture, form: formats.Format) -> bytes:
  # Pillow encodes the metadata, with an image of one pixel.
  buffer = io.BytesIO()
  Image.new("RGB", (1, 1)).save(buffer, "PNG", **_options(picture, form, 100))
  alpha = picture.alphas[0] if picture.alphas else None
  return sixteen_bits.png(
    picture.frames[0], alpha, _metadata_chunks(buffer.getvalue())
  )


def _tiff(picture: Picture) -> bytes:
  color = picture.frames[0]
  alpha = picture.alphas[0] if picture.alphas else None
  if alpha is not None and color.ndim == 2 and picture.top > 255:
    # Few programs read 16-bit gray with alpha in a TIFF.
    color = gray.to_rgb(color)
  return sixteen_bits.tiff(color, alpha, _tiff_tags(picture))


def _tiff_tags(picture: Picture) -> dict[int, object]:
  tags: dict[int, object] = {}
  if picture.exif:
    exif = Image.Exif()
    exif.load(picture.exif)
    tags |= {tag: exif[tag] for tag in exif}
    tags |= {tag: exif.get_ifd(tag) for tag in (0x8769, 0x8825) if tag in tags}
  if picture.xmp:
    tags[700] = picture.xmp
  if picture.icc:
    tags[34675] = picture.icc
  return tags


def _metadata_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
  """Names and contents of a PNG's chunks, except its header and pixels."""
  chunks, place = [], 8
  while place < len(data):
    length = int.from_bytes(data[place : place + 4])
    name = data[place + 4 : place + 8]
    if name not in (b"IHDR", b"IDAT", b"IEND"):
      chunks.append((name, data[place + 8 : place + 8 + length]))
    place += 12 + length
  return chunks
