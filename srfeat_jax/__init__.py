"""Single-image super-resolution in JAX/Flax: training, evaluation and use.

import srfeat_jax
sr = srfeat_jax.upscale("photo.jpg")
"""

from typing import Any

__version__ = "0.2.0"


def upscale(image: Any, weights: Any = None, **options: Any) -> Any:
  """Upscales an image; see `upscaling.python_call.upscale`.

  Args:
    image: numpy uint8 or uint16, [h, w], [h, w, 3] or [h, w, 4]; a PIL.Image;
      or the path of an image file.
    weights: the name of weights that come with the package, workdir of a run,
      weights file, or "bicubic"; None: srfeat-photo.
    **options: blend, alpha, outscale, tile, memory, ensemble, precision.

  Returns:
    The upscaled image, of the same kind; of a file, a PIL.Image.
  """
  # JAX takes seconds to import: reading the version need not wait for it.
  from srfeat_jax.upscaling import python_call

  return python_call.upscale(image, weights, **options)
