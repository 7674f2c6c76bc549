"""Enlarging a picture in memory by one call: `srfeat_jax.upscale`."""

import functools
import numbers
import os
import pathlib

import numpy as np
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from srfeat_jax.upscaling import picture_upscaling, upscalers
from srfeat_jax.weights import shipped

_KINDS = "uint8 or uint16 [h, w], [h, w, 3] or [h, w, 4], or a PIL.Image"


def upscale(
  image: np.ndarray | Image.Image,
  weights: str | os.PathLike | None = None,
  *,
  outscale: float | None = None,
  blend: str | os.PathLike | None = None,
  alpha: float | None = None,
  tile: int | None = None,
  memory: int | None = None,
  ensemble: bool = False,
  precision: str | None = None,
) -> np.ndarray | Image.Image:
  """Enlarges a picture.

  What was loaded and compiled for a call serves the next ones of the same
  weights and options.

  Args:
    image: numpy uint8 or uint16, [h, w] in gray, [h, w, 3] in RGB or [h, w, 4]
      with alpha; or a PIL.Image, of which what it shows now is enlarged. Gray
      in its modes I and F must be in [0, 65535] and [0, 1].
    weights: of `shipped.NAMES`, workdir of a run, weights file, or "bicubic";
      None: `shipped.DEFAULT`.
    outscale: enlargement, above 0 and at most 16, if it is not to be the
      network's.
    blend: as for `upscalers.make`, and so are those below.
    alpha: the share of `blend`, in [0, 1].
    tile: side in pixels.
    memory: bytes.
    ensemble: take the mean over eight ways to turn and mirror the picture.
    precision: "float32" or "bfloat16".

  Returns:
    An array of the same dtype and rank, or a PIL.Image: gray, RGB, either with
    alpha, or 16-bit gray, with the profile and notes of `image`. As with it,
    an EXIF orientation is not applied.

  Raises:
    errors.InputError: `image` is not of these kinds, empty or damaged, there
      are no such weights, or an option makes no sense or does not suit them.
  """
  picture = _picture(image)
  _check_outscale(outscale)
  upscalers.check(alpha, tile, memory, precision)  # before they are looked up
  weights = _name("weights", shipped.DEFAULT if weights is None else weights)
  if blend is not None:
    blend = _name("blend", blend)
  upscaler, scale = _upscaler(
    weights,
    (_stamp(weights), _stamp(blend)),
    blend=blend,
    alpha=alpha,
    tile=tile,
    memory=memory,
    ensemble=bool(ensemble),
    precision=precision,
  )
  sr = picture_upscaling.enlarge(picture, upscaler, scale, outscale)
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


def _check_outscale(outscale: float | None) -> None:
  most = picture_upscaling.MOST_OUTSCALE
  if outscale is None:
    return
  # Written so that a NaN fails it.
  if not (isinstance(outscale, numbers.Real) and 0 < outscale <= most):
    raise errors.InputError(
      f"outscale is {outscale!r}: expected a number above 0, at most {most}"
    )


def _name(option: str, path: str | os.PathLike) -> str:
  if not isinstance(path, (str, os.PathLike)):
    raise errors.InputError(
      f"{option} is {path!r}: expected a name, a workdir, a weights file or"
      " bicubic"
    )
  return os.fspath(path)


def _picture(image: np.ndarray | Image.Image) -> pictures.Picture:
  if isinstance(image, Image.Image) and image.width * image.height:
    return _shown(image)
  if (
    not isinstance(image, np.ndarray)
    or image.dtype.newbyteorder("=") not in (np.uint8, np.uint16)
    or image.ndim not in (2, 3)
    or image.shape[2:] not in ((), (3,), (4,))
    or not image.size
  ):
    got = getattr(image, "shape", type(image).__name__)
    kind = f"{getattr(image, 'dtype', '')} {got}".strip()
    raise errors.InputError(f"the picture is {kind}: expected {_KINDS}")
  image = image.astype(image.dtype.newbyteorder("="), copy=False)
  if image.shape[2:] == (4,):
    return pictures.Picture([image[..., :3]], [image[..., 3]])
  return pictures.Picture([image])


def _shown(image: Image.Image) -> pictures.Picture:
  try:
    return pictures.from_image(image)
  except errors.InputError:
    raise
  # As in `decoding.opened`: Pillow decodes only now, and raises what it likes.
  except Exception as error:
    raise errors.InputError(
      f"the picture is damaged or cut short ({type(error).__name__}: {error})"
    ) from error


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
