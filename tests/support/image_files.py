"""Small image files of every kind, and a folder to put them in."""

import contextlib
import io
import os
import pathlib
import struct
import tempfile
import warnings
import zlib

import numpy as np
from absl.testing import parameterized
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
DEEP = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def waves(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
  """Waves in three colors, and the same with noise: uint8 [H, W, 3]."""
  y, x, c = np.mgrid[:height, :width, :3]
  clean = 128 + 60 * np.sin(x / (5 + c)) + 50 * np.cos(y / (9 - c))
  noise = np.random.default_rng(7).normal(0, 20, clean.shape)
  clean, noisy = (
    np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)
    for image in (clean, clean + noise)
  )
  return clean, noisy


def encode(image, kind, **options) -> bytes:
  """Writes a PIL or numpy image with Pillow."""
  if isinstance(image, np.ndarray):
    image = Image.fromarray(image)
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def png(width, height, depth, color, row: bytes, extra=b"") -> bytes:
  """A PNG of one row, from its specification."""
  header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
  data = chunk(b"IDAT", zlib.compress(b"\0" + row))
  start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
  return start + extra + data + chunk(b"IEND", b"")


def chunk(name: bytes, body: bytes) -> bytes:
  """A part of a PNG."""
  checksum = struct.pack(">I", zlib.crc32(name + body))
  return struct.pack(">I", len(body)) + name + body + checksum


def tiff(bits, meaning, row: bytes, kind=1) -> bytes:
  """A TIFF of 2 x 1 gray pixels, from its specification."""
  tags = {256: 2, 257: 1, 258: bits, 259: 1, 262: meaning, 273: 134, 277: 1}
  tags |= {278: 1, 279: len(row), 339: kind}
  entries = b"".join(
    struct.pack("<HHIHH", t, 3, 1, v, 0) for t, v in tags.items()
  )
  return b"II*\0\x08\0\0\0\x0a\0" + entries.ljust(124, b"\0") + row


def _colors(*pixels) -> list:
  return [[list(pixel) for pixel in pixels]]


_PALETTE = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255]))
_BLUE_HALF = _PALETTE + chunk(b"tRNS", bytes([255, 127]))
GRAY_ALPHA = np.array([[[40, 255], [40, 0], [40, 127]]], np.uint8)
_RED_ALPHA = np.array([[[200, 0, 0, 255], [200, 0, 0, 0]]], np.uint8)
_YELLOW = Image.new("CMYK", (2, 1), (0, 0, 255, 0))

# name: (file, what is read)
KINDS = {
  "gray": (png(2, 1, 8, 0, bytes([7, 250])), [[7, 250]]),
  "one_bit": (png(2, 1, 1, 0, b"\x40"), [[0, 255]]),
  "two_bits": (png(4, 1, 2, 0, b"\x1b"), [[0, 85, 170, 255]]),
  "gray_alpha": (encode(GRAY_ALPHA, "PNG"), [[40, 255, 148]]),
  "rgb_alpha": (encode(_RED_ALPHA, "PNG"), _colors([200, 0, 0], [255] * 3)),
  "webp_alpha": (
    encode(_RED_ALPHA, "WEBP", lossless=True),
    _colors([200, 0, 0], [255] * 3),
  ),
  "rgb_one_transparent": (
    png(2, 1, 8, 2, bytes([9] * 6), chunk(b"tRNS", b"\0\x09" * 3)),
    _colors([255] * 3, [255] * 3),
  ),
  "palette": (
    png(2, 1, 8, 3, bytes([1, 0]), _PALETTE),
    _colors([0, 0, 255], [255, 0, 0]),
  ),
  "palette_transparent": (
    png(2, 1, 8, 3, bytes([1, 0]), _BLUE_HALF),
    _colors([128, 128, 255], [255, 0, 0]),
  ),
  "png_16_bits": (encode(DEEP, "PNG"), np.rint(DEEP / 257)),
  "tiff_16_bits": (encode(DEEP, "TIFF"), np.rint(DEEP / 257)),
  "rgb_16_bits": (
    png(2, 1, 16, 2, struct.pack(">6H", 0, 65535, 4660, 256, 512, 65280)),
    _colors([0, 255, 18], [1, 2, 255]),
  ),
  "tiff_12_bits": (tiff(12, 1, b"\x80\x0f\xff"), [[128, 255]]),
  "tiff_white_is_zero": (tiff(8, 0, bytes([0, 200])), [[255, 55]]),
  "tiff_16_bits_white_is_zero": (
    tiff(16, 0, struct.pack("<2H", 0, 514)),
    [[255, 253]],
  ),
  "tiff_32_bits": (tiff(32, 1, struct.pack("<2I", 514, 65535)), [[2, 255]]),
  "tiff_floats": (tiff(32, 1, struct.pack("<2f", 0.25, 1), 3), [[64, 255]]),
  "tiff_cmyk": (encode(_YELLOW, "TIFF"), _colors(*[[255, 255, 0]] * 2)),
  # Pillow writes CMYK JPEG as Adobe does: inverted.
  "jpeg_cmyk": (
    encode(_YELLOW, "JPEG", quality=100),
    _colors(*[[255, 255, 0]] * 2),
  ),
  "bmp": (encode(RGB, "BMP"), RGB),
  "tiff": (encode(RGB, "TIFF"), RGB),
  "tiff_of_two": (
    encode(RGB, "TIFF", save_all=True, append_images=[Image.new("L", (9, 9))]),
    RGB,
  ),
}

_NOTED = Image.Exif()
_NOTED[0x0112] = 6
FUZZED = {
  "png": encode(RGB, "PNG", exif=_NOTED),
  "png_palette": encode(Image.fromarray(RGB).quantize(4), "PNG"),
  "png_16_bits": encode(DEEP[:3, :4], "PNG"),
  "jpeg": encode(RGB, "JPEG", exif=_NOTED),
  "jpeg_cmyk": encode(_YELLOW, "JPEG"),
  "webp": encode(RGB, "WEBP", exif=_NOTED),
  "webp_lossless": encode(RGB, "WEBP", lossless=True),
  "bmp": encode(RGB, "BMP"),
  "tiff": encode(RGB, "TIFF", exif=_NOTED),
  "tiff_lzw": encode(RGB, "TIFF", compression="tiff_lzw"),
  "tiff_jpeg": encode(RGB, "TIFF", compression="jpeg"),
  "tiff_floats": encode(np.eye(3, dtype=np.float32), "TIFF"),
}


@contextlib.contextmanager
def without_rights(folder: pathlib.Path):
  """Makes a folder unwritable and its files unreadable, for root as well."""
  for path in [*folder.iterdir(), folder]:
    path.chmod(0o555 if path.is_dir() else 0)
  user = os.geteuid()
  if user == 0:
    os.seteuid(65534)
  try:
    yield
  finally:
    os.seteuid(user)
    folder.chmod(0o755)


class FolderTestCase(parameterized.TestCase):
  """A test with a folder of its own."""

  def setUp(self):
    super().setUp()
    # pytest undoes the filter that srfeat_jax.image_io.decoding sets.
    self.enterContext(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    folder = self.enterContext(tempfile.TemporaryDirectory())
    os.chmod(folder, 0o755)
    self.folder = pathlib.Path(folder)

  def file(self, name: str, data: bytes = b"") -> pathlib.Path:
    """Makes a file and the folders it needs."""
    path = self.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
