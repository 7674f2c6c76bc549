"""How far a batch of images is: a bar, or a line now and then.

A terminal gets a bar. A log file, or whatever else the output is redirected to,
gets a line every half minute, as a bar would fill it with copies of itself.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

import tqdm

_PAUSE = 30.0  # seconds between two lines


class Progress:
  """Counts LR pixels and images, and tells how long they take.

  Attributes:
    pixels: how many are done.
  """

  def __init__(
    self,
    num_pixels: int,
    num_images: int,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
  ):
    """Starts the clock.

    Args:
      num_pixels: LR pixels of all images.
      num_images: how many images there are.
      stream: where the bar or the lines are written; None: stderr.
      clock: tells the time in seconds.
    """
    self.pixels = 0
    self._num_pixels, self._num_images = num_pixels, num_images
    self._stream = stream or sys.stderr
    self._clock = clock
    self._images = 0
    self._start = self._told = self._image_start = clock()
    self._bar = tqdm.tqdm(
      total=num_pixels,
      unit="px",
      unit_scale=True,
      file=self._stream,
      disable=None,
    )

  def update(self, pixels: int) -> None:
    """Counts pixels as done."""
    self.pixels += pixels
    self._bar.update(pixels)
    now = self._clock()
    if self._bar.disable and pixels and now - self._told >= _PAUSE:
      self._told = now
      share = self.pixels / max(self._num_pixels, 1)
      left = duration((now - self._start) * (1 / share - 1))
      print(
        f"{self._images} of {self._num_images} images, {share:.0%} of the"
        f" pixels, about {left} left",
        file=self._stream,
        flush=True,
      )

  def image_done(self) -> float:
    """Counts an image, also one that failed.

    Returns:
      The seconds since the one before: what it took, unless others were read or
      written meanwhile.
    """
    now = self._clock()
    seconds, self._image_start = now - self._image_start, now
    self._images += 1
    return seconds

  def say(self, line: str) -> None:
    """Prints a line above the bar, at once."""
    tqdm.tqdm.write(line)
    sys.stdout.flush()

  @contextlib.contextmanager
  def hidden(self) -> Iterator[None]:
    """Within the context the bar is hidden, so that stderr can be written."""
    with self._bar.external_write_mode():
      yield

  def close(self) -> float:
    """Removes the bar's claim on the line; returns the seconds of it all."""
    self._bar.close()
    return self._clock() - self._start


def duration(seconds: float) -> str:
  """Time in words: 0.4 s, 29 s, 2 min 5 s, 1 h 3 min."""
  if seconds < 10:
    return f"{seconds:.1f} s"
  minutes, rest = divmod(round(seconds), 60)
  if not minutes:
    return f"{rest} s"
  hours, minutes = divmod(minutes, 60)
  return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def summary(num_done: int, seconds: float, failures: int, kept: int) -> str:
  """What became of the images, in a line.

  Args:
    num_done: how many were upscaled.
    seconds: how long it all took.
    failures: how many failed.
    kept: how many results were there before.
  """
  images = "1 image" if num_done == 1 else f"{num_done} images"
  if num_done:
    text = f"{images} in {duration(seconds)}"
  else:
    text = "no image was upscaled"
  if num_done > 1:
    text += f", {duration(seconds / num_done)} per image"
  if failures:
    text += f", {failures} failed (see above)"
  return text + (f", {kept} kept" if kept else "")
