"""The degradation that training undoes, done on the device."""

import jax

from srfeat_jax import errors
from srfeat_jax.ops import pixels, resize


def check_crop_size(crop_size: int, scale: int) -> None:
  """Raises `errors.InputError` unless the crop divides by the scale."""
  if crop_size < scale or crop_size % scale:
    raise errors.InputError(
      f"config.crop_size is {crop_size}, which does not divide by the"
      f" generator's scale {scale}: choose a multiple of {scale}"
    )


def degrade(hr: jax.Array, scale: int) -> tuple[jax.Array, jax.Array]:
  """uint8 crops `[b, H, W, 3]` to a pair of LR and HR in [0, 1].

  LR is MATLAB's antialiased bicubic of the crop, rounded to 8 bits, as the
  files of the field's test sets are (SRFeat's own augmentation script does the
  same to its crops, so that their edges are mirrored).

  Returns:
    float32 `[b, H / scale, W / scale, 3]` and `[b, H, W, 3]`.
  """
  lr = resize.resize(hr, 1 / scale)
  return pixels.to_float(lr), pixels.to_float(hr)
