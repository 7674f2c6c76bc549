"""One record of a prepared set: an HR image and what there is beside it.

The bytes of a record are the length of its header (4 bytes, little-endian), the
header in JSON, and its images one after the other. The header has "images", a
list of objects with "kind" ("hr", "lr" or "teacher", for a teacher's output),
"encoding" ("raw" or "png"), "shape" and "bytes"; and "about", what the image
was cut from, such as "file", "top", "left" and "orientation".
"""

import dataclasses
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from srfeat_jax import errors

ENCODINGS = ("raw", "png")
_LENGTH = 4
_KINDS = ("hr", "lr", "teacher")


@dataclasses.dataclass(frozen=True)
class Record:
  """What a record holds.

  Attributes:
    hr: uint8 [H, W, 3], perhaps read-only.
    lr: uint8 [h, w, 3], or None where LR is made from HR while training.
    about: what it was cut from, JSON-able.
    teacher: uint8 [H, W, 3], what a teacher makes of LR; None without one.
  """

  hr: np.ndarray
  lr: np.ndarray | None
  about: dict[str, Any]
  teacher: np.ndarray | None = None


def encode(record: Record, encoding: str) -> bytes:
  """Returns the bytes of a record.

  Args:
    record: what it is to hold.
    encoding: of its images, one of `ENCODINGS`: "raw" is read fastest, "png" is
      about half as large.
  """
  headers, parts = [], []
  for kind in _KINDS:
    image = getattr(record, kind)
    if image is None:
      continue
    part = _encoded(image, encoding)
    parts.append(part)
    headers.append(
      {
        "kind": kind,
        "encoding": encoding,
        "shape": list(image.shape),
        "bytes": len(part),
      }
    )
  header = json.dumps({"images": headers, "about": record.about}).encode()
  return b"".join([len(header).to_bytes(_LENGTH, "little"), header, *parts])


def decode(data: bytes) -> Record:
  """Returns what the bytes of a record hold.

  Raises:
    errors.InputError: they are no record; the sentence names no file.
  """
  try:
    start = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    header = json.loads(data[_LENGTH:start])
    images: dict[str, np.ndarray] = {}
    for entry in header["images"]:
      part = memoryview(data)[start : start + entry["bytes"]]
      start += entry["bytes"]
      images[entry["kind"]] = _decoded(part, entry["encoding"], entry["shape"])
    return Record(
      images["hr"], images.get("lr"), header["about"], images.get("teacher")
    )
  except (ValueError, KeyError, TypeError, OSError, SyntaxError) as error:
    raise errors.InputError(f"a record is damaged ({error!r})") from error


def _encoded(image: np.ndarray, encoding: str) -> bytes:
  if encoding == "raw":
    return np.ascontiguousarray(image).tobytes()
  if encoding == "png":
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
  raise ValueError(f"there is no encoding {encoding}")


def _decoded(part: memoryview, encoding: str, shape: list[int]) -> np.ndarray:
  if encoding == "raw":
    return np.frombuffer(part, np.uint8).reshape(shape)
  if encoding == "png":
    with Image.open(io.BytesIO(part), formats=("PNG",)) as image:
      return np.array(image).reshape(shape)
  raise ValueError(f"there is no encoding {encoding}")
