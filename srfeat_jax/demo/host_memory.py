"""How much memory this computer has free, and how much an image takes of it.

Amounts are in bytes.
"""

import os
import pathlib
import sys

from srfeat_jax.image_io import pictures

_MEMINFO = pathlib.Path("/proc/meminfo")
_CGROUP = pathlib.Path("/sys/fs/cgroup")  # version 2
# The network's feature maps on a CPU, with what compiling it takes.
_NETWORK = 1.5 * 2**30
# Pillow keeps RGB in four bytes a pixel, and the PNG is in memory, too, before
# it is written: of a photo that was upscaled it has up to half of the pixels'
# bytes.
_ENCODED = 4 / 3 + 0.5


def available(
  meminfo: pathlib.Path = _MEMINFO, cgroup: pathlib.Path = _CGROUP
) -> int | None:
  """Returns how much more programs can take before others are swapped out.

  Args:
    meminfo: the file in which Linux tells of memory.
    cgroup: the folder with a container's limit, which counts if it is less.

  Returns:
    The amount; half of all memory on systems that only tell that, and None on
    those that tell nothing.
  """
  try:
    lines = meminfo.read_text().splitlines()
    amounts = dict(line.split(":") for line in lines)
    free = 1024 * int(amounts["MemAvailable"].split()[0])
  except (OSError, KeyError, ValueError):
    return _half_of_all()
  return min(free, _left_in(cgroup))


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


def _half_of_all() -> int | None:
  try:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
  except (AttributeError, OSError, ValueError):
    return None


def _left_in(cgroup: pathlib.Path) -> int:
  """What the container may still take: without a limit, anything."""
  try:
    limit = int((cgroup / "memory.max").read_text())  # or "max"
    used = int((cgroup / "memory.current").read_text())
    lines = (cgroup / "memory.stat").read_text().splitlines()
    statistics = dict(line.split() for line in lines)
  except (OSError, ValueError):
    return sys.maxsize
  # Cached files count as used, but give way.
  return max(0, limit - used + int(statistics.get("inactive_file", 0)))
