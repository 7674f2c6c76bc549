"""Enlarging a picture in memory by one call: `srfeat_jax.upscale`."""

import functools
import os
import pathlib

import numpy as np
from PIL import Image

from srfeat_jax import errors, upscalers
from srfeat_jax.data import pictures
from srfeat_jax.upscaling import enlarging

_KINDS = "uint8 or uint16 [h, w], [h, w, 3] or [h, w, 4], or a PIL.Image"


def upscale(
  image: np.ndarray | Image.Image,
  weights: str | os.PathLike,
  *,
  outscale: float | None = None,
  **options,
) -> np.ndarray | Image.Image:
  """Enlarges a picture.

  What was loaded and compiled for a call serves the next ones of the same
  weights and options.

  Args:
    image: numpy uint8 or uint16, [h, w] in gray, [h, w, 3] in RGB or [h, w, 4]
      with alpha; or a PIL.Image of any mode, of which what it shows now is
      enlarged.
    weights: workdir of a run, weights file, or "bicubic".
    outscale: enlargement, if it is not to be the network's.
    **options: of `upscalers.make`: blend, alpha, tile, memory, ensemble,
      precision.

  Returns:
    An array of the same dtype and rank, or a PIL.Image: gray, RGB, either with
    alpha, or 16-bit gray, with the profile and notes of `image`. As with it,
    an EXIF orientation is not applied.

  Raises:
    errors.InputError: `image` is not of these kinds or empty, there are no
      such weights, or an option does not suit them.
  """
  picture = _picture(image)
  if outscale is not None and outscale <= 0:
    raise errors.InputError(
      f"outscale is {outscale}: expected a number above 0"
    )
  weights = os.fspath(weights)
  upscaler, scale = _upscaler(
    weights,
    (_stamp(weights), _stamp(options.get("blend"))),
    **options,
  )
  sr = enlarging.enlarge(picture, upscaler, scale, outscale)
  color = sr.frames[0]
  if sr.alphas:
    color = np.dstack([color, sr.alphas[0]])
  if isinstance(image, np.ndarray):
    return color
  result = Image.fromarray(color)
  result.info = {
    key: image.info[key] for key in ("exif", "xmp") if key in image.info
  }
  if sr.icc:
    result.info["icc_profile"] = sr.icc
  return result


def _picture(image: np.ndarray | Image.Image) -> pictures.Picture:
  if isinstance(image, Image.Image) and image.width * image.height:
    return pictures.from_image(image)
  if (
    not isinstance(image, np.ndarray)
    or image.dtype not in (np.uint8, np.uint16)
    or image.ndim not in (2, 3)
    or image.shape[2:] not in ((), (3,), (4,))
    or not image.size
  ):
    got = getattr(image, "shape", type(image).__name__)
    kind = f"{getattr(image, 'dtype', '')} {got}".strip()
    raise errors.InputError(f"the picture is {kind}: expected {_KINDS}")
  if image.shape[2:] == (4,):
    return pictures.Picture([image[..., :3]], [image[..., 3]])
  return pictures.Picture([image])


@functools.lru_cache(maxsize=2)
def _upscaler(weights: str, stamps: tuple, **options):
  """Like `upscalers.make`; `stamps` tell when the weights have changed."""
  del stamps
  return upscalers.make(weights, **options)


def _stamp(path: str | None) -> int | None:
  """When a file, or the newest checkpoint of a folder, was written."""
  if path is None:
    return None
  place = pathlib.Path(path)
  times = [
    each.stat().st_mtime_ns
    for each in (place, place / "checkpoints")
    if each.exists()
  ]
  return max(times, default=None)
