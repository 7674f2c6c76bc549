"""Upscaling an image in memory by one call: `srfeat_jax.upscale`."""

import dataclasses
import functools
import os
import pathlib

import numpy as np
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import picture_upscaling, upscaler_factory
from srfeat_jax.weights import shipped

_KINDS = "uint8 or uint16 [h, w], [h, w, 3] or [h, w, 4], or a PIL.Image"


def upscale(
  image: np.ndarray | Image.Image,
  weights: str | os.PathLike | None = None,
  **options,
) -> np.ndarray | Image.Image:
  """Upscales an image.

  Weights that were loaded and programs that were compiled for a call are reused
  by the next calls with the same weights and options.

  Args:
    image: numpy uint8 or uint16, [h, w] in gray, [h, w, 3] in RGB or [h, w, 4]
      with alpha; or a PIL.Image, whose current frame is upscaled. Gray in its
      modes I and F must be in [0, 65535] and [0, 1].
    weights: one of `shipped.NAMES`, workdir of a run, weights file, or
      "bicubic"; None: `shipped.DEFAULT`.
    **options: the other fields of `options.Options`: outscale, blend, alpha,
      tile, memory, ensemble, precision.

  Returns:
    An array of the same dtype and rank; or a PIL.Image: gray or RGB, either
    with alpha, or 16-bit gray, with the color profile, EXIF and XMP of `image`.
    The EXIF orientation is not applied in either image.

  Raises:
    errors.InputError: `image` is none of these, or is empty or damaged; there
      are no such weights; or an option is invalid or does not fit them.
    TypeError: there is no such option.
  """
  picture = _picture(image)
  if weights is None:
    weights = shipped.DEFAULT
  chosen = options_lib.Options(weights, **options)
  upscaler, scale = _upscaler(
    dataclasses.replace(chosen, outscale=None),
    (_stamp(chosen.weights), _stamp(chosen.blend)),
  )
  sr = picture_upscaling.upscale(picture, upscaler, scale, chosen.outscale)
  color = sr.frames[0]
  if sr.alphas:
    color = np.dstack([color, sr.alphas[0]])
  if isinstance(image, np.ndarray):
    return color.astype(image.dtype, copy=False)
  result = Image.fromarray(color)
  result.info = {
    key: image.info[key] for key in ("exif", "xmp") if key in image.info
  }
  if sr.icc:
    result.info["icc_profile"] = sr.icc
  return result


def _picture(image: np.ndarray | Image.Image) -> pictures.Picture:
  if isinstance(image, Image.Image) and image.width * image.height:
    return _current_frame(image)
  if (
    not isinstance(image, np.ndarray)
    or image.dtype.newbyteorder("=") not in (np.uint8, np.uint16)
    or image.ndim not in (2, 3)
    or image.shape[2:] not in ((), (3,), (4,))
    or not image.size
  ):
    got = getattr(image, "shape", type(image).__name__)
    kind = f"{getattr(image, 'dtype', '')} {got}".strip()
    raise errors.InputError(f"the image is {kind}: expected {_KINDS}")
  image = image.astype(image.dtype.newbyteorder("="), copy=False)
  if image.shape[2:] == (4,):
    return pictures.Picture([image[..., :3]], [image[..., 3]])
  return pictures.Picture([image])


def _current_frame(image: Image.Image) -> pictures.Picture:
  try:
    return pictures.from_image(image)
  except errors.InputError:
    raise
  # As in `decoding.opened`: Pillow decodes only now, and may raise anything.
  except Exception as error:
    raise errors.InputError(
      f"the image is damaged or truncated ({type(error).__name__}: {error})"
    ) from error


@functools.lru_cache(maxsize=2)
def _upscaler(options: options_lib.Options, stamps: tuple):
  """Caches `upscaler_factory.make`; new weights come with other `stamps`."""
  del stamps
  return upscaler_factory.make(options)


def _stamp(path: str | os.PathLike | None) -> int | None:
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
