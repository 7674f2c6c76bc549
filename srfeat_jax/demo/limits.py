"""How large images may be, and how long they may take, on the page.

Sentences name the flags of `srfeat_jax.demo` that allow more.
"""

import dataclasses
import os

from PIL import Image

from srfeat_jax import errors
from srfeat_jax.data import free_memory
from srfeat_jax.demo import host_memory, speed

_ELSEWHERE = "or upscale it with python -m srfeat_jax.upscale"


@dataclasses.dataclass(frozen=True)
class Estimate:
  """What upscaling an image will take, about.

  Attributes:
    seconds: from the click to the result.
    num_bytes: of memory.
  """

  seconds: float
  num_bytes: int

  @property
  def sentence(self) -> str:
    """The estimate for people."""
    return (
      f"This takes about {speed.in_words(self.seconds)} and"
      f" {gigabytes(self.num_bytes)} of memory."
    )


@dataclasses.dataclass(frozen=True)
class Limits:
  """What the page accepts.

  Attributes:
    max_megapixels: of an image, all frames together; None: what the free memory
      of this computer allows.
    max_minutes: for an image, as they are estimated.
  """

  max_megapixels: float | None = None
  max_minutes: float = 120

  def sentence(self, scale: float) -> str:
    """Says what is accepted, at a network's scale factor, now."""
    most, because = self.max_megapixels, ""
    free = free_memory.of_host()
    if most is None:
      most = (Image.MAX_IMAGE_PIXELS or float("inf")) / 1e6
      if free is not None:
        most = min(most, host_memory.megapixels_within(free, scale))
        because = f" ({gigabytes(free)} of memory are free)"
    if most == float("inf"):
      size = "Images of any size"
    else:
      size = f"Images of up to {_rounded_down(most)} megapixels{because}"
    return (
      f"{size} are accepted, if they take no longer than about"
      f" {speed.in_words(60 * self.max_minutes)}."
    )

  def check_size(
    self, path: str | os.PathLike, height: int, width: int, frames: int
  ) -> None:
    """Checks an image by its size alone.

    Raises:
      errors.InputError: it has more than `max_megapixels`.
    """
    megapixels = height * width * frames / 1e6
    if self.max_megapixels is not None and megapixels > self.max_megapixels:
      raise errors.InputError(
        f"{path} is too large for this page: it has"
        f" {_size(height, width, frames)}, and the limit is"
        f" {self.max_megapixels:g}; make it smaller, start the page with a"
        f" larger --max_megapixels, {_ELSEWHERE}, which has no such limit"
      )

  def check(
    self,
    path: str | os.PathLike,
    height: int,
    width: int,
    frames: int,
    estimate: Estimate,
  ) -> None:
    """Checks an image by what it will take.

    Raises:
      errors.InputError: it would take longer than `max_minutes`, or, unless
        `max_megapixels` is set, more memory than is free.
    """
    size = _size(height, width, frames)
    free = free_memory.of_host()
    if (
      self.max_megapixels is None
      and free is not None
      and estimate.num_bytes > free
    ):
      raise errors.InputError(
        f"{path} is too large for this computer's memory: {size} need about"
        f" {gigabytes(estimate.num_bytes)}, and {gigabytes(free)} are free;"
        " make it smaller, choose a smaller scale factor, close other programs,"
        " or start the page with --max_megapixels to set the limit yourself"
      )
    if estimate.seconds > 60 * self.max_minutes:
      raise errors.InputError(
        f"{path} would take about {speed.in_words(estimate.seconds)} ({size}),"
        f" and the limit is {speed.in_words(60 * self.max_minutes)}; make it"
        " smaller, choose weights of a smaller network, start the page with a"
        f" larger --max_minutes, {_ELSEWHERE}"
      )


def gigabytes(num_bytes: float) -> str:
  """Returns bytes in words."""
  return f"{num_bytes / 1e9:.1f} GB"


def _size(height: int, width: int, frames: int) -> str:
  times = f"{frames} x " if frames > 1 else ""
  megapixels = height * width * frames / 1e6
  return f"{megapixels:.1f} megapixels ({times}{width} x {height})"


def _rounded_down(megapixels: float) -> str:
  return f"{int(megapixels)}" if megapixels >= 10 else f"{megapixels:.3g}"
