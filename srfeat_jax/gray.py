"""Grayscale images as RGB."""

from typing import Any


def to_rgb(image: Any) -> Any:
  """Repeats gray to three equal channels; RGB stays as it is.

  Args:
    image: numpy or JAX array of any dtype, [h, w], [..., h, w, 1] or
      [..., h, w, 3].

  Returns:
    An array of the same kind and dtype, [..., h, w, 3].
  """
  # Methods that both kinds of array have: readers of images import no JAX.
  if image.ndim == 2:
    image = image[..., None]
  return image if image.shape[-1] == 3 else image.repeat(3, axis=-1)
