"""16-bit color in PNG and TIFF, of which Pillow keeps only 8 bits.

To read it, Pillow decodes the file twice: once as usual, keeping the high byte
of each number, and once in the other byte order, keeping the low byte. This way
all its formats, compressions and checks remain in use.
"""

import io
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image, TiffImagePlugin

_SWAPPED = {
  ";16L": ";16B",
  ";16B": ";16L",
  ";16N": ";16B" if sys.byteorder == "little" else ";16L",
}
_GRAY_ALPHA = "LA;16B"  # of PNG; Pillow knows it in one byte order only
_STRIP = 1 << 22  # bytes that are compressed at a time


def has_deep_color(image: Image.Image) -> bool:
  """Whether an opened PNG or TIFF is 16-bit RGB(A) or gray with alpha."""
  modes = {_raw_mode(tile) for tile in getattr(image, "tile", ())}
  return len(modes) == 1 and all(
    mode[-4:] in _SWAPPED and mode[0] in "RL" and len(mode) > 5
    for mode in modes
  )


def read(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
  """Decodes an opened file for which `has_deep_color` holds.

  Args:
    image: opened, not yet loaded; its file is read again.

  Returns:
    uint16 colors, [h, w] or [h, w, 3], and alpha, [h, w] or None.

  Raises:
    Exception: whatever Pillow raises for damaged files.
  """
  mode = _raw_mode(image.tile[0])
  if mode == _GRAY_ALPHA:
    both = _decoded(image, "RGBA").view(">u2").astype(np.uint16)
    return both[..., 0], both[..., 1]
  # In capitals, or Pillow would divide by alpha, in 8 bits.
  high_mode = mode.replace("RGBa", "RGBA")
  kind, order = high_mode[:-4], high_mode[-4:]
  high = _decoded(image, high_mode)
  low = _decoded(image, kind + _SWAPPED[order])
  values = high.astype(np.uint16) << 8 | low
  if values.shape[2] == 3:
    return values, _one_transparent(image, values)
  color, alpha = values[..., :3], values[..., 3]
  if "RGBa" in mode:
    color = _divided(color, alpha)
  return color, alpha


def png(
  color: np.ndarray,
  alpha: np.ndarray | None,
  chunks: list[tuple[bytes, bytes]],
) -> bytes:
  """Encodes a 16-bit PNG.

  Args:
    color: uint16 [h, w] or [h, w, 3].
    alpha: uint16 [h, w] or None.
    chunks: names and contents of the chunks to write before the pixels.

  Returns:
    The file.
  """
  values = _joined(color, alpha)
  height, width, depth = values.shape
  kind = {1: 0, 2: 4, 3: 2, 4: 6}[depth]
  header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
  file = io.BytesIO()
  file.write(b"\x89PNG\r\n\x1a\n")
  for name, body in [(b"IHDR", header), *chunks]:
    _write_chunk(file, name, body)
  compress = zlib.compressobj()
  above = np.zeros(width * depth * 2, np.uint8)
  for strip in _strips(values):
    rows = strip.astype(">u2").view(np.uint8).reshape(len(strip), -1)
    filtered = _filtered(rows, above, 2 * depth)
    _write_chunk(file, b"IDAT", compress.compress(filtered.tobytes()))
    above = rows[-1]
  _write_chunk(file, b"IDAT", compress.flush())
  _write_chunk(file, b"IEND", b"")
  return file.getvalue()


def tiff(
  color: np.ndarray, alpha: np.ndarray | None, tags: Mapping[int, object]
) -> bytes:
  """Encodes a deflated TIFF; Pillow cannot write a compressed one with EXIF.

  Args:
    color: uint8 or uint16, [h, w] or [h, w, 3].
    alpha: likewise, [h, w], or None.
    tags: the metadata, by tag number.

  Returns:
    The file.
  """
  values = _joined(color, alpha)
  height, width, depth = values.shape
  bits = 8 * values.itemsize
  strips = []
  for strip in _strips(values):
    # TIFF's predictor: each number minus the one to its left.
    differences = strip.copy()
    differences[:, 1:] -= strip[:, :-1]
    little = differences.astype(differences.dtype.newbyteorder("<"))
    strips.append(zlib.compress(little.tobytes()))
  sizes = [len(strip) for strip in strips]
  directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
  directory.update(tags)
  directory.update({256: width, 257: height, 258: (bits,) * depth, 259: 8})
  directory.update({262: 1 if depth < 3 else 2, 277: depth, 284: 1, 317: 2})
  if alpha is not None:
    directory[338] = 2  # alpha that is not premultiplied
  # Counted from the directory's end; Pillow adds its position.
  offsets = [sum(sizes[:i]) for i in range(len(sizes))]
  directory.tagtype[273] = directory.tagtype[279] = 4
  directory.update({273: tuple(offsets), 279: tuple(sizes)})
  directory[278] = len(next(_strips(values)))
  file = io.BytesIO()
  directory.save(file)
  for strip in strips:
    file.write(strip)
  return file.getvalue()


def _raw_mode(tile) -> str:
  """The layout of the numbers in the file, by Pillow's name; "" if unknown."""
  arguments = tile.args
  if isinstance(arguments, tuple) and arguments:
    arguments = arguments[0]
  return arguments if isinstance(arguments, str) else ""


def _decoded(image: Image.Image, raw_mode: str) -> np.ndarray:
  """Decodes the file again, with the numbers laid out as in `raw_mode`."""
  image.fp.seek(0)
  again = Image.open(image.fp, formats=[str(image.format)])
  again.tile = [
    tile._replace(
      args=(raw_mode, *tile.args[1:])
      if isinstance(tile.args, tuple)
      else raw_mode
    )
    for tile in again.tile
  ]
  again.load()
  return np.array(again)


def _one_transparent(
  image: Image.Image, values: np.ndarray
) -> np.ndarray | None:
  """Returns the alpha of a PNG that declares one color transparent."""
  color = image.info.get("transparency")
  if not isinstance(color, tuple):
    return None
  hidden = (values == np.array(color, np.uint16)).all(axis=-1)
  return np.where(hidden, 0, 65535).astype(np.uint16)


def _divided(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
  """Undoes premultiplication with alpha; 0 where alpha is 0."""
  divisor = np.maximum(alpha, 1)[..., None].astype(np.float32)
  plain = color.astype(np.float32) * 65535 / divisor
  return np.rint(np.minimum(plain, 65535)).astype(np.uint16)


def _joined(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
  color = np.atleast_3d(color)
  return color if alpha is None else np.dstack([color, alpha])


def _strips(values: np.ndarray) -> Iterator[np.ndarray]:
  rows = max(1, _STRIP // values[0].nbytes)
  for top in range(0, len(values), rows):
    yield values[top : top + rows]


def _filtered(rows: np.ndarray, above: np.ndarray, pixel: int) -> np.ndarray:
  """Applies PNG's filters, to each row the one with the smallest residuals.

  Args:
    rows: uint8 [n, bytes].
    above: the previous row, zeros if there is none.
    pixel: bytes per pixel.

  Returns:
    uint8 [n, 1 + bytes], each row after the number of its filter.
  """
  up = np.vstack([above, rows[:-1]])
  left, corner = np.zeros_like(rows), np.zeros_like(rows)
  left[:, pixel:], corner[:, pixel:] = rows[:, :-pixel], up[:, :-pixel]
  tried = {0: rows, 1: rows - left, 2: rows - up}
  tried[4] = rows - _paeth(left, up, corner)
  costs = [
    np.abs(each.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64)
    for each in tried.values()
  ]
  best = np.argmin(costs, axis=0)
  result = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
  for place, (number, each) in enumerate(tried.items()):
    chosen = best == place
    result[chosen, 0], result[chosen, 1:] = number, each[chosen]
  return result


def _paeth(left, up, corner) -> np.ndarray:
  """The neighbor nearest to left + up - corner."""
  a, b, c = (each.astype(np.int16) for each in (left, up, corner))
  to_left, to_up, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
  use_left = (to_left <= to_up) & (to_left <= to_corner)
  return np.where(use_left, left, np.where(to_up <= to_corner, up, corner))


def _write_chunk(file: io.BytesIO, name: bytes, body: bytes) -> None:
  if body or name != b"IDAT":
    file.write(struct.pack(">I", len(body)) + name + body)
    file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))
