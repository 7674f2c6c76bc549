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
from collections.abc import Callable, Iterable, Iterator

import jax

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import picture_upscaling, upscaler_factory
from srfeat_jax.weights import lookup, shipped

MAX_OUTSCALE = 4  # larger ones add pixels, but no detail
_SHOWN_SIDE = 3200  # pixels; larger images make browsers slow


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
      can show.
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
    weights: Iterable[str],
    max_megapixels: float,
    folder: str | pathlib.Path,
  ):
    """Loads all weights once, to see which can be blended.

    Args:
      weights: offered before the weights that come with the package.
      max_megapixels: limit for an image, all frames together.
      folder: where results are written; the caller deletes them.

    Raises:
      errors.InputError: some are not weights.
    """
    self._architectures = {
      name: _architecture(lookup.load(name))
      for name in (*weights, *shipped.NAMES)
      if name != options_lib.BICUBIC
    }
    self._max_pixels = max_megapixels * 1e6
    self._folder = pathlib.Path(folder)

  @property
  def names(self) -> list[str]:
    """The weights to choose from."""
    return [*self._architectures, options_lib.BICUBIC]

  def partners(self, name: str) -> list[str]:
    """The other weights of the same architecture, which can be blended."""
    return [
      other
      for other, architecture in self._architectures.items()
      if other != name and architecture == self._architectures.get(name)
    ]

  def preview(self, path: str | pathlib.Path) -> Preview:
    """Reads an image that is to be upscaled.

    Raises:
      errors.InputError: it has too many pixels or cannot be read.
    """
    with _errors_about(path):
      picture = self._read(path)
      image = self._new_folder() / "preview.jpg"
      pictures.write(image, _visible(picture))
    height, width = picture.size
    sentence = f"{width} x {height} pixels"
    if len(picture.frames) > 1:
      sentence += f", {len(picture.frames)} frames"
    return Preview(image, sentence)

  def upscale(
    self,
    path: str | pathlib.Path,
    options: options_lib.Options,
    on_progress: Callable[[float], object] = lambda share: None,
  ) -> Result:
    """Upscales an image.

    Args:
      path: the image's file.
      options: with weights from `names`, other weights to blend from their
        `partners`, and an outscale of at most MAX_OUTSCALE.
      on_progress: called with the share of the pixels that are done, up to 1.

    Raises:
      errors.InputError: the image has too many pixels, cannot be read or needs
        too much memory; or an option is none of those offered.
    """
    outscale = options.outscale or MAX_OUTSCALE
    if outscale > MAX_OUTSCALE:
      raise errors.InputError(
        f"the scale factor is {outscale:g}: it must be at most"
        f" {MAX_OUTSCALE} on this page"
      )
    start = time.perf_counter()
    with _errors_about(path):
      picture = self._read(path)
      for name in filter(None, (options.weights, options.blend)):
        self._check_offered(str(name))
      upscaler, scale = _upscaler(dataclasses.replace(options, outscale=None))
      total, done = _num_pixels(*picture.size, len(picture.frames)), 0

      def on_pixels(pixels: int):
        nonlocal done
        done += pixels
        on_progress(done / total)

      sr = picture_upscaling.upscale(
        picture, upscaler, scale, outscale, on_pixels
      )
      folder = self._new_folder()
      file = folder / f"{pathlib.Path(path).stem}_x{outscale:g}.png"
      warnings = sr.warnings + pictures.write(file, sr)
      before, after = folder / "before.jpg", folder / "after.jpg"
      pictures.write(before, _visible(picture, outscale))
      pictures.write(after, _visible(sr))
    height, width = sr.size
    megabytes = file.stat().st_size / 1e6
    seconds = time.perf_counter() - start
    sentence = f"{width} x {height} pixels, {megabytes:.1f} MB, {seconds:.0f} s"
    return Result(before, after, file, "; ".join([sentence, *warnings]))

  def _read(self, path: str | pathlib.Path) -> pictures.Picture:
    height, width, frames = pictures.size(path)
    pixels = _num_pixels(height, width, frames)
    if pixels > self._max_pixels:
      times = f"{frames} x " if frames > 1 else ""
      raise errors.InputError(
        f"{path} is too large for this page: it has {pixels / 1e6:.1f}"
        f" megapixels ({times}{width} x {height}), and the limit is"
        f" {self._max_pixels / 1e6:g}; make it smaller, or upscale it with"
        " python -m srfeat_jax.upscale, which has no such limit"
      )
    return pictures.read(path)

  def _check_offered(self, name: str) -> None:
    if name not in self.names:
      raise errors.InputError(
        f"there are no weights {name}: choose one of {', '.join(self.names)}"
      )

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


@functools.lru_cache(maxsize=2)
def _upscaler(options: options_lib.Options):
  """Caches `upscaler_factory.make`."""
  return upscaler_factory.make(options)


def _architecture(loaded: lookup.Weights) -> tuple:
  """What two networks must have in common to be blended."""
  shapes = jax.tree.map(lambda array: array.shape, loaded.variables)
  return loaded.generator, shapes


def _visible(picture: pictures.Picture, scale: float = 1) -> pictures.Picture:
  """The first frame, resized bicubically to a size that browsers can show."""
  scale = min(scale, _SHOWN_SIDE / max(picture.size))
  first = dataclasses.replace(
    picture,
    frames=picture.frames[:1],
    alphas=picture.alphas[:1],
    durations=[],
    exif=b"",
    xmp=b"",
  )
  return picture_upscaling.upscale(
    first, lambda color, on_pixels: color, 1, scale
  )


def _num_pixels(height: int, width: int, frames: int) -> int:
  return height * width * frames
