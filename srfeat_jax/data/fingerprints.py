"""Recognizing an image by its content, whatever its size, turn or compression.

A fingerprint has 255 bits: the signs of the lowest frequencies (a discrete
cosine transform, 16 x 16 without the mean) of the image's luma, averaged to
64 x 64 pixels. Resizing and compressing hardly change them; flipping and
rotating changes them in a known way, so that all eight orientations of one
image are compared with one fingerprint of another (the signs of a perceptual
hash, as by Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions", 2010, with more bits). Crops of an image are not recognized.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from srfeat_jax.image_io import decoding

BYTES = 32
# Measured on Set5, Set14 and BSD100. Of 255 bits at most 22 change when an
# image is resized by 1/4 to 4, flipped, rotated or compressed (JPEG quality
# 10), 51 when it is cropped to multiples of 12 px, 60 when it loses 2.5 % on
# each side. Other photographs, 726 of them, differ in 88 or more.
LARGEST_DISTANCE = 64
_SIDE, _FREQUENCIES = 64, 16
_CHUNK = 1 << 22  # distances that are computed at a time


def read(path: pathlib.Path) -> np.ndarray:
  """The fingerprint of a file; JPEG is decoded at reduced size.

  Returns:
    uint8 [32].

  Raises:
    errors.InputError: the file cannot be decoded.
  """
  with decoding.opened(path) as image:
    orientation = decoding.orientation_of(image)
    image.draft("RGB", (_SIDE, _SIDE))
    image.load()
    levels = _thumbnail(image)
  return _of_levels(decoding.oriented(levels, orientation))


def of_image(image: np.ndarray) -> np.ndarray:
  """The fingerprint of uint8 [H, W, 3] or [H, W]: uint8 [32]."""
  return _of_levels(_thumbnail(Image.fromarray(image)))


def orientations(fingerprint: np.ndarray) -> np.ndarray:
  """Fingerprints of the image in all eight orientations, its own first.

  Args:
    fingerprint: uint8 [32].

  Returns:
    uint8 [8, 32].
  """
  bits = np.unpackbits(fingerprint).reshape(_FREQUENCIES, _FREQUENCIES)
  # Of a mirrored image, odd frequencies have the opposite sign.
  none, odd = np.zeros(_FREQUENCIES, np.uint8), np.arange(_FREQUENCIES) % 2
  return np.stack(
    [
      _pack(transposed ^ vertical[:, None] ^ horizontal)
      for transposed in (bits, bits.T)
      for vertical in (none, odd)
      for horizontal in (none, odd)
    ]
  )


def distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
  """How many bits differ.

  Args:
    ours: uint8 [n, 32].
    theirs: uint8 [m, 32].

  Returns:
    int [n, m]; about 127 between unrelated images.
  """
  ours, theirs = (
    np.ascontiguousarray(each).view(np.uint64) for each in (ours, theirs)
  )
  total = np.zeros((len(ours), len(theirs)), np.int16)
  for word in range(ours.shape[1]):
    total += np.bitwise_count(ours[:, None, word] ^ theirs[None, :, word])
  return total


def nearest(
  ours: np.ndarray, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Which of some fingerprints is nearest to each of ours.

  Args:
    ours: uint8 [n, 32].
    theirs: uint8 [m, 32], at least one.

  Returns:
    int [n], indices of theirs, and int [n], how many bits differ.
  """
  indices, bits = [], []
  step = max(1, _CHUNK // len(theirs))
  for start in range(0, len(ours), step):
    each = distances(ours[start : start + step], theirs)
    best = each.argmin(axis=1)
    indices.append(best)
    bits.append(np.take_along_axis(each, best[:, None], 1)[:, 0])
  if not indices:
    return np.zeros(0, int), np.zeros(0, int)
  return np.concatenate(indices), np.concatenate(bits)


def stack(fingerprints: Sequence[np.ndarray]) -> np.ndarray:
  """Several fingerprints as uint8 [n, 32], also where there are none."""
  return np.array(fingerprints, np.uint8).reshape(-1, BYTES)


def _thumbnail(image: Image.Image) -> np.ndarray:
  """Luma, float [64, 64], the mean of what each pixel covers."""
  if image.mode.startswith(("I", "F")):
    # Deep gray: its range is the file's affair, and signs do not need it.
    levels = image.convert("F")
  elif image.has_transparency_data:
    page = Image.new("RGBA", image.size, "white")
    levels = Image.alpha_composite(page, image.convert("RGBA")).convert("L")
  else:
    levels = image.convert("L")
  small = levels.convert("F").resize((_SIDE, _SIDE), Image.Resampling.BOX)
  return np.asarray(small, np.float64)


def _of_levels(levels: np.ndarray) -> np.ndarray:
  """The fingerprint of a luma of 64 x 64."""
  places = (np.arange(_SIDE) + 0.5) / _SIDE
  basis = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * places)
  return _pack(basis @ levels @ basis.T > 0)


def _pack(bits: np.ndarray) -> np.ndarray:
  bits = bits.astype(np.uint8).ravel()
  bits[0] = 0  # the mean, whose sign says nothing
  return np.packbits(bits)
