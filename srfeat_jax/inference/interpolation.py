"""Upscalers that need no weights, which networks are compared with."""

import functools
from collections.abc import Callable

import numpy as np

from srfeat_jax.inference import upscaler
from srfeat_jax.ops import resize

NEAREST, BICUBIC, LANCZOS = "nearest", "bicubic", "lanczos"
NAMES = (NEAREST, BICUBIC, LANCZOS)


def make(name: str, scale: int) -> Callable[[np.ndarray], np.ndarray]:
  """Makes an upscaler.

  Args:
    name: one of `NAMES`: each pixel repeated; bicubic as MATLAB's `imresize`
      has it, a = -0.5; or its Lanczos with three lobes, "lanczos3".
    scale: the scale factor.

  Returns:
    A function from uint8 [h, w, 3] or [h, w] to the same of `scale` times that
    size.
  """
  match name:
    case "nearest":
      return functools.partial(_nearest, scale=scale)
    case "bicubic":
      return functools.partial(upscaler.bicubic, scale=scale)
    case "lanczos":
      return functools.partial(resize.resize, scale=scale, kernel="lanczos3")
  raise ValueError(f"there is no interpolation {name}: expected one of {NAMES}")


def _nearest(lr: np.ndarray, scale: int) -> np.ndarray:
  return lr.repeat(scale, axis=0).repeat(scale, axis=1)
