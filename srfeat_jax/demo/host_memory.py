"""How much of this computer's memory an image takes.

Amounts are in bytes.
"""

from srfeat_jax.image_io import pictures

# The network's feature maps on a CPU, with what compiling it takes.
_NETWORK = 1.5 * 2**30
# Pillow keeps RGB in four bytes a pixel, and the PNG is in memory, too, before
# it is written: of a photo that was upscaled it has up to half of the pixels'
# bytes.
_ENCODED = 4 / 3 + 0.5


def needed(picture: pictures.Picture, scale: float, outscale: float) -> int:
  """Returns about how much upscaling an image and writing it as PNG takes.

  Args:
    picture: the image, which counts, too.
    scale: the network's scale factor.
    outscale: the result's.
  """
  sizes = [each.nbytes for each in (*picture.frames, *picture.alphas)]
  lr, result = sum(sizes), sum(sizes) * outscale**2
  upscaling = _NETWORK + lr + max(sizes) * scale**2
  if outscale != scale or len(sizes) > 1:
    upscaling += result
  writing = lr + of_writing(result)
  return int(max(upscaling, writing))


def of_writing(result: float) -> float:
  """Returns about how much a result of this size takes while it is written."""
  return result * (1 + _ENCODED)


def megapixels_within(amount: float, scale: float) -> float:
  """Returns how large 8-bit RGB images may be, by the network's scale."""
  lr = 3e6  # of one megapixel
  upscaling = (amount - _NETWORK) / (lr * (1 + scale**2))
  writing = amount / (lr + of_writing(lr * scale**2))
  return max(0.0, min(upscaling, writing))
