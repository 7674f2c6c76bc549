"""Images inside of an HTML file, as many and as good as its size allows."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

# Bytes of all images; base64 makes four bytes of three.
BUDGET = 10_000_000
# Of WebP; None: lossless.
_QUALITIES = (None, 98, 92, 80)
_EFFORT = 40  # of 100, to make lossless files small


def address(image: np.ndarray, quality: int | None = None) -> str:
  """An image as a `data:` address.

  Args:
    image: uint8 [H, W, 3] or [H, W].
    quality: of WebP, to 100; None: lossless.
  """
  return _address(_webp(image, quality))


def fitted(
  groups: Sequence[Mapping[str, np.ndarray]], budget: int = BUDGET
) -> tuple[list[dict[str, str]], str]:
  """Addresses of groups of images that together are not too large.

  Args:
    groups: images by name, the most important group first: the last groups are
      left out where even the lowest quality takes too much.
    budget: the most bytes, before base64.

  Returns:
    The addresses, and in words how the images are compressed.
  """
  for quality in _QUALITIES:
    encoded = []
    size = 0
    for group in groups:
      ours = {name: _webp(image, quality) for name, image in group.items()}
      size += sum(map(len, ours.values()))
      if size > budget:
        break
      encoded.append(ours)
    if len(encoded) == len(groups) or quality == _QUALITIES[-1]:
      break
  words = "lossless" if quality is None else f"WebP of quality {quality}"
  return [
    {name: _address(data) for name, data in group.items()} for group in encoded
  ], words


def _webp(image: np.ndarray, quality: int | None) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(image).save(
    *(buffer, "WEBP"),
    lossless=quality is None,
    quality=_EFFORT if quality is None else quality,
    method=2,
  )
  return buffer.getvalue()


def _address(data: bytes) -> str:
  return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
