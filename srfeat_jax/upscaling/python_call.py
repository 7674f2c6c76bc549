"""Upscaling an image in memory by one call: `srfeat_jax.upscale`."""

import dataclasses
import functools
import os
import pathlib
import warnings

import numpy as np
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import formats, pictures
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import picture_upscaling, upscaler_factory
from srfeat_jax.weights import shipped

_KINDS = (
  "uint8 or uint16 [h, w], [h, w, 3] or [h, w, 4], a PIL.Image, or the path of"
  " an image file"
)


def upscale(
  image: np.ndarray | Image.Image | str | os.PathLike,
  weights: str | os.PathLike | None = None,
  **options,
) -> np.ndarray | Image.Image:
  """Upscales an image.

  Weights that were loaded and programs that were compiled for a call are reused
  by the next calls with the same weights and options.

  Args:
    image: numpy uint8 or uint16, [h, w] in gray, [h, w, 3] in RGB or [h, w, 4]
      with alpha; or a PIL.Image, gray in whose modes I and F must be in [0,
      65535] and [0, 1]; or the path of an image file.
    weights: one of `shipped.NAMES`, workdir of a run, weights file, or
      "bicubic"; None: `shipped.DEFAULT`.
    **options: the other fields of `options.Options`: outscale, blend, alpha,
      tile, memory, ensemble, precision.

  Returns:
    An array of the same dtype and rank; or a PIL.Image: gray or RGB, either
    with alpha, or 16-bit gray, with the color profile, EXIF and XMP of `image`.
    A file gives a PIL.Image, too, upright by its EXIF orientation, which is not
    applied in other images. What had to be left out is said by a Python
    warning.

  Raises:
    errors.InputError: `image` is none of these, is an animation, or is empty or
      damaged; the file has 16-bit color, which a PIL.Image cannot hold; there
      are no such weights; or an option is invalid or does not fit them.
    TypeError: there is no such option.
  """
  known = {each.name for each in dataclasses.fields(options_lib.Options)}
  for option in options.keys() - known:
    raise TypeError(
      f"upscale() has no option {option!r}: expected any of"
      f" {', '.join(sorted(known - {'weights'}))}"
    )
  if isinstance(image, (str, os.PathLike)):
    picture = _from_file(image)
  else:
    picture = _picture(image)
  for warning in picture.warnings:
    warnings.warn(f"{_name(image)}: {warning}", stacklevel=3)
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
  info = {"exif": sr.exif, "xmp": sr.xmp}
  if isinstance(image, Image.Image):
    info = {key: image.info.get(key) for key in info}
  result.info = {key: value for key, value in info.items() if value}
  if sr.icc:
    result.info["icc_profile"] = sr.icc
  return result


def _name(image: np.ndarray | Image.Image | str | os.PathLike) -> str:
  """What messages call the image."""
  if isinstance(image, (str, os.PathLike)):
    return os.fspath(image)
  return getattr(image, "filename", "") or "the image"


def _from_file(path: str | os.PathLike) -> pictures.Picture:
  picture = pictures.read(path)
  if len(picture.frames) > 1:
    raise errors.InputError(_animation_sentence(path, len(picture.frames)))
  if picture.top > 255 and picture.frames[0].ndim == 3:
    raise errors.InputError(
      f"{path} has 16-bit color, which a PIL.Image cannot hold: upscale it by"
      f" `python -m srfeat_jax.upscale {path}`, or as a uint16 array"
    )
  return picture


def _animation_sentence(name: str | os.PathLike, count: int) -> str:
  return (
    f"{name} is an animation of {count} frames, and this call upscales one"
    " image: use `python -m srfeat_jax.upscale FILE` for all of them, or"
    " `image.copy()` for the current frame of a PIL.Image"
  )


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
  count = getattr(image, "n_frames", 1)
  form = formats.BY_PILLOW.get(image.format or "")
  if count > 1 and form and form.animation:
    raise errors.InputError(_animation_sentence(_name(image), count))
  try:
    picture = pictures.from_image(image)
    if count > 1:
      picture.warnings.append(f"of its {count} images, one was upscaled")
    return picture
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
