"""What the page of `demo` does with images, apart from its layout.

Images are read and written as files, so that the user downloads the file that
`python -m srfeat_jax.upscale --format=png` would have written.
"""

import contextlib
import dataclasses
import functools
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

from srfeat_jax import errors
from srfeat_jax.demo import comparison, host_memory, limits, speed
from srfeat_jax.demo import menu as menu_lib
from srfeat_jax.image_io import pictures
from srfeat_jax.inference import upscaler as upscaler_lib
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import picture_upscaling, upscaler_factory

MAX_OUTSCALE = 4  # larger ones add pixels, but no detail
SHOWN_SIDE = 3200  # pixels; larger images make browsers slow
_PREVIEW_SIDE = 800
_SAMPLE_SIDE = 128  # of the part of an image that is written to measure time
_RUNS_OF_ENSEMBLE = 8


@dataclasses.dataclass(frozen=True)
class Preview:
  """An image before it is upscaled.

  Attributes:
    image: a file with the image that every browser can show.
    sentence: the image's size.
  """

  image: pathlib.Path
  sentence: str


@dataclasses.dataclass(frozen=True)
class Result:
  """An image that was upscaled.

  Attributes:
    before: a file with the bicubic result, for comparison, that every browser
      can show; of large results the middle, for a whole one shrunk to a screen
      would show no difference.
    after: likewise, with the result.
    file: the full result, a PNG.
    sentence: the size of the result, and the warnings.
  """

  before: pathlib.Path
  after: pathlib.Path
  file: pathlib.Path
  sentence: str


class Service:
  """Upscales images, with a choice of weights."""

  def __init__(
    self,
    offered: menu_lib.Menu,
    allowed: limits.Limits,
    folder: str | pathlib.Path,
  ):
    """Says what is offered and allowed.

    Args:
      offered: the weights to choose from.
      allowed: which images are refused.
      folder: where results are written; the caller deletes them.
    """
    self.menu = offered
    self._allowed = allowed
    self._folder = pathlib.Path(folder)
    self._speed = speed.Speed()

  @property
  def allowed(self) -> str:
    """What is accepted, in a sentence."""
    return self._allowed.sentence(MAX_OUTSCALE)

  def preview(self, path: str | pathlib.Path) -> Preview:
    """Reads an image that is to be upscaled.

    Raises:
      errors.InputError: it has too many pixels or cannot be read.
    """
    with _errors_about(path):
      picture = self._read(path)
      image = self._new_folder() / "preview.jpg"
      pictures.write(image, comparison.fitted(picture, _PREVIEW_SIDE))
    height, width = picture.size
    sentence = f"{width} x {height} pixels"
    if len(picture.frames) > 1:
      sentence += f", {len(picture.frames)} frames"
    return Preview(image, sentence)

  def estimate(
    self, path: str | pathlib.Path, options: options_lib.Options
  ) -> limits.Estimate:
    """Says what upscaling an image will take.

    The first estimate for a network takes as long as compiling and running it
    on a small image.

    Args:
      path: as for `upscale`, and so are the options.

    Raises:
      errors.InputError: it will take too much memory or too long; or as
        `upscale` and for the same reasons.
    """
    outscale = _outscale(options)
    with _errors_about(path):
      picture = self._read(path)
      self.menu.check(options)
      return self._estimate(path, picture, options, outscale)

  def upscale(
    self,
    path: str | pathlib.Path,
    options: options_lib.Options,
    on_progress: Callable[[float], object] = lambda share: None,
    on_stage: Callable[[str], object] = lambda stage: None,
  ) -> Result:
    """Upscales an image.

    Args:
      path: the image's file.
      options: with weights from `menu`, other weights to blend from their
        partners there, and an outscale of at most MAX_OUTSCALE.
      on_progress: called after each tile with the share of the pixels that are
        done, up to 1. What it raises ends the upscaling and is raised here.
      on_stage: called with what follows the tiles, before it begins; likewise.

    Raises:
      errors.InputError: the image has too many pixels, cannot be read, needs
        too much memory or would take too long; or an option is none of those
        offered.
    """
    outscale = _outscale(options)
    with _errors_about(path):
      picture = self._read(path)
      self.menu.check(options)
      self._estimate(path, picture, options, outscale)
      start = time.perf_counter()
      upscaler, scale = _upscaler(dataclasses.replace(options, outscale=None))
      total, done = _num_pixels(picture), 0

      def on_pixels(pixels: int):
        nonlocal done
        done += pixels
        on_progress(done / total)

      sr = picture_upscaling.upscale(
        picture, upscaler, scale, outscale, on_pixels
      )
      folder = self._new_folder()
      file = folder / f"{pathlib.Path(path).stem}_x{outscale:g}.png"
      on_stage("Writing the PNG")
      warnings = sr.warnings + pictures.write(file, sr)
      on_stage("Preparing the comparison")
      before, after = folder / "before.jpg", folder / "after.jpg"
      part = comparison.middle(picture.size, int(SHOWN_SIDE / outscale))
      pictures.write(before, comparison.before(picture, part, outscale))
      shown = comparison.after(sr, part, outscale)
      pictures.write(after, shown)
    height, width = sr.size
    megabytes = file.stat().st_size / 1e6
    seconds = time.perf_counter() - start
    sentence = f"{width} x {height} pixels, {megabytes:.1f} MB, {seconds:.0f} s"
    if shown.size != sr.size:
      height, width = shown.size
      sentence += f"; shown is its middle, {width} x {height} pixels"
    return Result(before, after, file, "; ".join([sentence, *warnings]))

  def _read(self, path: str | pathlib.Path) -> pictures.Picture:
    self._allowed.check_size(path, *pictures.size(path))
    return pictures.read(path)

  def _estimate(
    self,
    path: str | pathlib.Path,
    picture: pictures.Picture,
    options: options_lib.Options,
    outscale: float,
  ) -> limits.Estimate:
    """Estimates, and refuses what would take too much."""
    # Blends are as fast as the weights alone, and the self-ensemble is as fast
    # as its runs.
    alone = dataclasses.replace(
      options, blend=None, alpha=None, outscale=None, ensemble=False
    )
    upscaler, scale = _upscaler(alone)
    key = self.menu.first_alike(str(options.weights))
    computed = len(picture.frames) * _num_computed(upscaler, picture.size)
    # The memory first: it is known at once.
    size = *picture.size, len(picture.frames)
    num_bytes = host_memory.needed(picture, scale, outscale)
    self._allowed.check(path, *size, limits.Estimate(0, num_bytes))
    seconds = computed * self._speed.seconds_per_pixel(key, upscaler)
    if options.ensemble and key is not None:
      seconds *= _RUNS_OF_ENSEMBLE
    seconds += self._seconds_to_write(picture, scale, outscale)
    estimate = limits.Estimate(seconds, num_bytes)
    self._allowed.check(path, *size, estimate)
    return estimate

  def _seconds_to_write(
    self, picture: pictures.Picture, scale: int, outscale: float
  ) -> float:
    """Estimates what comes after the network, from a part of the image."""
    part = comparison.middle(picture.size, _SAMPLE_SIDE)
    sample = comparison.crop(picture, part)
    sr = upscaler_lib.bicubic(sample.frames[0], scale)
    start = time.perf_counter()
    result = picture_upscaling.upscale(
      sample, lambda color, on_pixels: sr, scale, outscale
    )
    pictures.write(self._new_folder() / "sample.png", result)
    seconds = time.perf_counter() - start
    return seconds * _num_pixels(picture) / _num_pixels(sample)

  def _new_folder(self) -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(dir=self._folder))


@contextlib.contextmanager
def _errors_about(path: str | pathlib.Path) -> Iterator[None]:
  """Shortens a path in errors to its name: the folder is not the user's."""
  path = pathlib.Path(path)
  try:
    yield
  except errors.InputError as error:
    text = str(error).replace(str(path), path.name)
    raise errors.InputError(text) from error
  except MemoryError as error:
    raise errors.InputError(
      f"{path.name} cannot be upscaled: there is not enough memory"
    ) from error


@functools.lru_cache(maxsize=4)
def _upscaler(options: options_lib.Options):
  """Caches `upscaler_factory.make`."""
  return upscaler_factory.make(options)


def _outscale(options: options_lib.Options) -> float:
  """The scale factor of the result, which the page limits."""
  outscale = options.outscale or MAX_OUTSCALE
  if outscale > MAX_OUTSCALE:
    raise errors.InputError(
      f"the scale factor is {outscale:g}: it must be at most"
      f" {MAX_OUTSCALE} on this page"
    )
  return outscale


def _num_computed(upscaler: Callable, size: tuple[int, int]) -> int:
  """LR pixels that the network computes; bicubic has no tiles."""
  if isinstance(upscaler, upscaler_lib.Upscaler):
    return upscaler.num_computed(size)
  return size[0] * size[1]


def _num_pixels(picture: pictures.Picture) -> int:
  height, width = picture.size
  return height * width * len(picture.frames)
