"""All kinds of image files, and the results of upscaling them.

  python -m tests.support.input_kinds > docs/input_kinds.md

writes the table of the documentation.
"""

import functools
import io
import pathlib
import re
import struct
import tempfile
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from srfeat_jax.inference import upscaler
from srfeat_jax.upscaling import picture_upscaling
from tests.support import image_files
from tests.support.image_files import encode

HEIGHT, WIDTH = 8, 12
_X = np.linspace(0, 255, WIDTH)
_Y = np.linspace(255, 0, HEIGHT)[:, None]
RGB = np.stack([_X + 0 * _Y, 0 * _X + _Y, (_X + _Y) / 2], axis=-1).astype(
  np.uint8
)
GRAY = RGB[..., 2]
ALPHA = np.zeros((HEIGHT, WIDTH), np.uint8)
ALPHA[2:6, 3:9] = 255
RGBA = np.dstack([RGB, ALPHA])
DEEP_RGB = (RGB * 257.0 - (RGB > 0) * 77).astype(np.uint16)
DEEP_GRAY = DEEP_RGB[..., 2]
DEEP_ALPHA = ALPHA * np.uint16(257) - (ALPHA > 0) * np.uint16(99)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
  """An ICC profile, version 2, from its specification."""
  table, body = struct.pack(">I", len(tags)), b""
  start = 128 + 4 + 12 * len(tags)
  for name, data in tags.items():
    table += name + struct.pack(">II", start + len(body), len(data))
    body += data + b"\0" * (-len(data) % 4)
  header = bytearray(128)
  header[0:4] = struct.pack(">I", start + len(body))
  header[8:12] = b"\x02\x10\0\0"
  header[12:24] = b"prtr" + space.ljust(4) + b"Lab "
  header[36:40] = b"acsp"
  header[68:80] = struct.pack(">3I", 63190, 65536, 54061)  # D50
  return bytes(header) + table + body


@functools.cache
def cmyk_profile() -> bytes:
  """A press on which cyan is the dull color that it is on paper."""
  lightness = {0: (100, 0, 0), 1: (55, -37, -50), 2: (48, 74, -3)}
  inks = {8: lightness[1], 4: lightness[2], 2: (89, -5, 93), 1: (0, 0, 0)}
  grid = b""
  for mix in range(16):  # cyan varies slowest, black fastest
    light, a, b = 100, 0, 0
    for ink, lab in inks.items():
      if mix & ink:
        light, a, b = min(light, lab[0]), a + lab[1], b + lab[2]
    if mix & 1:
      light, a, b = 0, 0, 0
    a, b = np.clip([a, b], -128, 127)
    grid += bytes([round(light * 2.55), int(a) + 128, int(b) + 128])
  identity = bytes(range(256))
  matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
  lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix
  white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
  return profile(
    b"CMYK",
    {b"A2B0": lut + identity * 4 + grid + identity * 3, b"wtpt": white},
  )


def deep_png(values: np.ndarray, extra: bytes = b"") -> bytes:
  """A 16-bit PNG without filters, from its specification."""
  height, width, depth = np.atleast_3d(values).shape
  kind = {1: 0, 2: 4, 3: 2, 4: 6}[depth]
  header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
  rows = values.astype(">u2").reshape(height, -1)
  data = b"".join(b"\0" + row.tobytes() for row in rows)
  chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
  chunks = [image_files.chunk(*each) for each in chunks]
  return b"\x89PNG\r\n\x1a\n" + chunks[0] + extra + b"".join(chunks[1:])


def deep_tiff(values: np.ndarray, order: str, extra_samples=None) -> bytes:
  """A 16-bit TIFF of one strip, not compressed, from its specification."""
  height, width, depth = np.atleast_3d(values).shape
  data = values.astype(f"{order}u2").tobytes()
  tags = {256: (width,), 257: (height,), 258: (16,) * depth, 259: (1,)}
  tags |= {
    262: (2,),
    273: (0,),
    277: (depth,),
    278: (height,),
    279: (len(data),),
  }
  if extra_samples is not None:
    tags[338] = (extra_samples,)
  after = 8 + 2 + 12 * len(tags) + 4
  bits = struct.pack(f"{order}{depth}H", *tags[258])
  tags[273] = (after + len(bits),)
  entries = b""
  for tag, numbers in sorted(tags.items()):
    entries += struct.pack(f"{order}HHI", tag, 4 - (tag == 258), len(numbers))
    number = after if tag == 258 else numbers[0]
    if tag == 258 and depth < 3:
      number = 16
    entries += struct.pack(f"{order}I", number)
  start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
  count = struct.pack(f"{order}H", len(tags))
  return start + count + entries + bytes(4) + bits + data


def animation(kind: str, **options) -> bytes:
  """Three frames in which a square with a soft edge moves over nothing."""
  frames = []
  for index in range(3):
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[2:6, 4 * index : 4 * index + 4] = (200, 40, 90 * index, 255)
    pixels[1, 4 * index : 4 * index + 4] = (200, 40, 90 * index, 150)
    frames.append(Image.fromarray(pixels))
  options = {"duration": [100, 250, 70], "loop": 0} | options
  return encode(
    frames[0], kind, save_all=True, append_images=frames[1:], **options
  )


def _noted(orientation: int) -> bytes:
  exif = Image.Exif()
  exif[0x0112], exif[0x010F] = orientation, "Camera"
  exif[0x8825] = {1: "N", 2: (52.0, 30.0, 0.0)}
  exif[0x8769] = {0x9003: "2020:01:02 03:04:05", 0xA002: WIDTH}
  return exif.tobytes()


def _png_with_text() -> bytes:
  text = PngImagePlugin.PngInfo()
  text.add_text("Title", "A slope")
  text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="1"/>')
  return encode(RGB, "PNG", pnginfo=text)


def _two_pages(kind: str) -> bytes:
  other = Image.new("L", (9, 9))
  return encode(RGB, kind, save_all=True, append_images=[other])


def _gif_with_disposal() -> bytes:
  return animation("GIF", disposal=2)


def _huge_header() -> bytes:
  data = image_files.png(2, 1, 8, 2, bytes(6))
  header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
  return data.replace(data[8:33], image_files.chunk(b"IHDR", header))


def _bomb() -> bytes:
  header = struct.pack(">IIBBBBB", 20000, 20000, 1, 0, 0, 0, 0)
  rows = zlib.compress(bytes(2501 * 20000), 9)
  chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
  start = b"\x89PNG\r\n\x1a\n"
  return start + b"".join(image_files.chunk(*each) for each in chunks)


def _frame_bomb() -> bytes:
  data = bytearray(animation("PNG"))
  place = data.index(b"acTL")
  body = struct.pack(">II", 2**30, 0)
  data[place - 4 : place + 16] = image_files.chunk(b"acTL", body)
  return bytes(data)


def _broken_exif() -> bytes:
  return encode(RGB, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")


_CMYK = Image.fromarray(
  np.dstack([255 - RGB, np.zeros((HEIGHT, WIDTH), np.uint8)]), "CMYK"
)
_PALETTE = Image.fromarray(RGB).quantize(16)

# What it is: name of the file, content.
KINDS = {
  "PNG, gray": ("a.png", lambda: encode(GRAY, "PNG")),
  "PNG, black and white": (
    "a.png",
    lambda: encode(Image.fromarray(GRAY > 99), "PNG"),
  ),
  "PNG, gray, 16 bits": ("a.png", lambda: deep_png(DEEP_GRAY)),
  "PNG, gray with alpha": (
    "a.png",
    lambda: encode(np.dstack([GRAY, ALPHA]), "PNG"),
  ),
  "PNG, gray with alpha, 16 bits": (
    "a.png",
    lambda: deep_png(np.dstack([DEEP_GRAY, DEEP_ALPHA])),
  ),
  "PNG, RGB": ("a.png", lambda: encode(RGB, "PNG")),
  "PNG, RGB, 16 bits": ("a.png", lambda: deep_png(DEEP_RGB)),
  "PNG, RGB with alpha": ("a.png", lambda: encode(RGBA, "PNG")),
  "PNG, RGB with alpha, 16 bits": (
    "a.png",
    lambda: deep_png(np.dstack([DEEP_RGB, DEEP_ALPHA])),
  ),
  "PNG, RGB, one transparent color": (
    "a.png",
    lambda: encode(RGB, "PNG", transparency=tuple(RGB[0, 0].tolist())),
  ),
  "PNG, RGB, 16 bits, one transparent color": (
    "a.png",
    lambda: deep_png(
      DEEP_RGB,
      image_files.chunk(b"tRNS", DEEP_RGB[0, 0].astype(">u2").tobytes()),
    ),
  ),
  "PNG, palette": ("a.png", lambda: encode(_PALETTE, "PNG")),
  "PNG, palette with transparency": (
    "a.png",
    lambda: encode(_PALETTE, "PNG", transparency=bytes([0, 127])),
  ),
  "PNG with title and XMP": ("a.png", _png_with_text),
  "PNG with the profile sRGB": (
    "a.png",
    lambda: encode(RGB, "PNG", icc_profile=SRGB),
  ),
  "PNG, gray with a gray profile": (
    "a.png",
    lambda: encode(GRAY, "PNG", icc_profile=profile(b"GRAY", {})),
  ),
  "PNG, gray with a profile for RGB": (
    "a.png",
    lambda: encode(GRAY, "PNG", icc_profile=SRGB),
  ),
  "PNG, animated": ("a.png", lambda: animation("PNG")),
  "PNG, animated, with a separate still image": (
    "a.png",
    lambda: animation("PNG", default_image=True),
  ),
  "JPEG": ("a.jpg", lambda: encode(RGB, "JPEG")),
  "JPEG, gray, progressive": (
    "a.jpeg",
    lambda: encode(GRAY, "JPEG", progressive=True),
  ),
  "JPEG on its side (EXIF), with place and date": (
    "a.jpg",
    lambda: encode(RGB, "JPEG", exif=_noted(6)),
  ),
  "JPEG, mirrored (EXIF)": (
    "a.jpg",
    lambda: encode(RGB, "JPEG", exif=_noted(2)),
  ),
  "JPEG, CMYK": ("a.jpg", lambda: encode(_CMYK, "JPEG")),
  "JPEG, CMYK with a profile": (
    "a.jpg",
    lambda: encode(_CMYK, "JPEG", icc_profile=cmyk_profile()),
  ),
  "JPEG of two images (MPO)": (
    "a.jpg",
    lambda: _two_pages("MPO"),
  ),
  "JPEG, broken EXIF": ("a.jpg", _broken_exif),
  "JPEG called .png": ("a.png", lambda: encode(RGB, "JPEG")),
  "WebP": ("a.webp", lambda: encode(RGB, "WEBP")),
  "WebP with alpha": ("a.webp", lambda: encode(RGBA, "WEBP", lossless=True)),
  "WebP, animated": ("a.webp", lambda: animation("WEBP", lossless=True)),
  "GIF": ("a.gif", lambda: encode(_PALETTE, "GIF")),
  "GIF, animated": ("a.gif", lambda: animation("GIF")),
  "GIF, animated, frames that vanish": ("a.gif", _gif_with_disposal),
  "GIF, animated, shown once": ("a.gif", lambda: animation("GIF", loop=None)),
  "TIFF, LZW": ("a.tif", lambda: encode(RGB, "TIFF", compression="tiff_lzw")),
  "TIFF, on its side": ("a.tif", lambda: encode(RGB, "TIFF", exif=_noted(8))),
  "TIFF, gray, 16 bits": ("a.tiff", lambda: encode(DEEP_GRAY, "TIFF")),
  "TIFF, RGB, 16 bits": ("a.tif", lambda: deep_tiff(DEEP_RGB, "<")),
  "TIFF, RGB, 16 bits, big-endian": (
    "a.tif",
    lambda: deep_tiff(DEEP_RGB, ">"),
  ),
  "TIFF, RGB with alpha, 16 bits": (
    "a.tif",
    lambda: deep_tiff(np.dstack([DEEP_RGB, DEEP_ALPHA]), "<", 2),
  ),
  "TIFF, gray, floats": (
    "a.tif",
    lambda: encode((GRAY / 255).astype(np.float32), "TIFF"),
  ),
  "TIFF, 12 bits": ("a.tif", lambda: image_files.KINDS["tiff_12_bits"][0]),
  "TIFF, white is 0": (
    "a.tif",
    lambda: image_files.KINDS["tiff_16_bits_white_is_zero"][0],
  ),
  "TIFF, CMYK": ("a.tif", lambda: encode(_CMYK, "TIFF")),
  "TIFF, LAB": (
    "a.tif",
    lambda: encode(Image.fromarray(RGB).convert("RGB").convert("LAB"), "TIFF"),
  ),
  "TIFF, two pages": ("a.tif", lambda: _two_pages("TIFF")),
  "BMP": ("a.bmp", lambda: encode(RGB, "BMP")),
  "AVIF": ("a.avif", lambda: encode(RGB, "AVIF")),
  "JPEG 2000": ("a.jp2", lambda: encode(RGB, "JPEG2000")),
  "PPM": ("a.ppm", lambda: encode(RGB, "PPM")),
  "PNG of one pixel": ("a.png", lambda: encode(RGB[:1, :1], "PNG")),
  "empty file": ("a.png", lambda: b""),
  "text called .jpg": ("a.jpg", lambda: b"Dear image,"),
  "SVG called .png": ("a.png", lambda: b"<svg xmlns='x'/>"),
  "PostScript called .png": ("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n"),
  "PNG cut short": ("a.png", lambda: deep_png(DEEP_RGB)[:-60]),
  "PNG with a wrong checksum": (
    "a.png",
    lambda: encode(RGB, "PNG").replace(b"IHDR\0", b"IHDR\1"),
  ),
  "JPEG cut short": ("a.jpg", lambda: encode(RGB, "JPEG")[:-80]),
  "GIF cut short": ("a.gif", lambda: animation("GIF")[:-60]),
  "WebP cut short": ("a.webp", lambda: animation("WEBP")[:-40]),
  "TIFF with values beyond white": (
    "a.tif",
    lambda: encode(np.full((2, 2), 7, np.float32), "TIFF"),
  ),
  "PNG that claims 2147483647 pixels a side": ("a.png", _huge_header),
  "decompression bomb: 400 million pixels in 49 KB": ("a.png", _bomb),
  "PNG that claims a billion frames": ("a.png", _frame_bomb),
}


def upscaled(folder: pathlib.Path, kind: str) -> tuple[pathlib.Path, list]:
  """Upscales a kind four times; returns the result's file and the warnings."""
  name, content = KINDS[kind]
  source, target = folder / name, folder / "out" / name
  source.write_bytes(content())
  if target.suffix not in pictures.WRITE_EXTENSIONS:
    target = target.with_suffix(".png")
  picture = pictures.read(source)
  sr = picture_upscaling.upscale(picture, upscaler.bicubic, 4)
  return target, sr.warnings + pictures.write(target, sr)


def outcome(kind: str) -> str:
  """Describes the result for a kind."""
  with tempfile.TemporaryDirectory() as folder:
    try:
      target, said = upscaled(pathlib.Path(folder), kind)
    except errors.InputError as error:
      sentence = str(error).replace(f"{folder}/", "")
      return f"error: {re.sub(r'0x[0-9a-f]+', '0x...', sentence)}"
    return "; ".join([_described(target), *said])


def _described(target: pathlib.Path) -> str:
  picture = pictures.read(target)
  height, width = picture.size
  with Image.open(io.BytesIO(target.read_bytes())) as image:
    words = [
      image.format.replace("MPO", "JPEG"),
      "gray" if picture.frames[0].ndim == 2 else "RGB",
    ]
  words += ["with alpha"] * bool(picture.alphas)
  words += ["16 bits"] * (picture.top > 255)
  words.append(f"{width} x {height}")
  if len(picture.frames) > 1:
    times = "/".join(f"{each:g}" for each in picture.durations)
    words.append(f"{len(picture.frames)} frames of {times} ms")
    plays = {0: "looping", 1: "shown once"}
    words.append(plays.get(picture.plays, f"shown {picture.plays} times"))
  kept = {
    "profile": picture.icc,
    "EXIF": picture.exif,
    "XMP": picture.xmp,
    "text": picture.text,
  }
  words += [f"with {name}" for name, value in kept.items() if value]
  return ", ".join(words)


def table() -> str:
  """The table of the documentation, in markdown."""
  lines = [
    "# Input kinds",
    "",
    "The results of upscaling small image files by a factor of four, and of"
    " files that",
    "are not images;",
    "written by `.venv/bin/python -m tests.support.input_kinds >"
    " docs/input_kinds.md`.",
    "",
    "| input | result |",
    "|---|---|",
  ]
  lines += [
    f"| {kind} | {outcome(kind).replace('|', chr(92) + '|')} |"
    for kind in KINDS
  ]
  return "\n".join(lines) + "\n"


if __name__ == "__main__":
  print(table(), end="")
