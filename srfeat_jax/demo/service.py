"""What the page of `demo` does with pictures, apart from how it looks.

Pictures come and go as files, so that what a person downloads is what
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
from srfeat_jax.upscaling import picture_upscaling, upscalers
from srfeat_jax.weights import lookup, shipped

LARGEST_SCALE = 4  # more adds pixels, but nothing to see
_SHOWN_SIDE = 3200  # pixels; more makes browsers slow


@dataclasses.dataclass(frozen=True)
class Preview:
  """A picture before it is enlarged.

  Attributes:
    shown: the picture as every browser can show it.
    sentence: what it is.
  """

  shown: pathlib.Path
  sentence: str


@dataclasses.dataclass(frozen=True)
class Result:
  """A picture that was enlarged.

  Attributes:
    before: what bicubic interpolation makes of it, to compare with, as every
      browser can show it.
    after: likewise, what was made of it.
    file: all of what was made of it, a PNG.
    sentence: what it is, and what had to be changed.
  """

  before: pathlib.Path
  after: pathlib.Path
  file: pathlib.Path
  sentence: str


class Service:
  """Enlarges pictures, with a choice of weights."""

  def __init__(
    self,
    given: Iterable[str],
    max_megapixels: float,
    folder: str | pathlib.Path,
  ):
    """Loads all weights once, to see which can be blended.

    Args:
      given: weights to offer before those that come with the package.
      max_megapixels: how many a picture may have, in all its frames together.
      folder: where results are written; to be emptied by others.

    Raises:
      errors.InputError: some are no weights.
    """
    self._kinds = {
      name: _kind(lookup.load(name))
      for name in (*given, *shipped.NAMES)
      if name != options_lib.BICUBIC
    }
    self._max_pixels = max_megapixels * 1e6
    self._folder = pathlib.Path(folder)

  @property
  def names(self) -> list[str]:
    """The weights there are to choose from."""
    return [*self._kinds, options_lib.BICUBIC]

  def partners(self, name: str) -> list[str]:
    """The weights that some can be blended with: of the same architecture."""
    return [
      other
      for other, kind in self._kinds.items()
      if other != name and kind == self._kinds.get(name)
    ]

  def preview(self, path: str | pathlib.Path) -> Preview:
    """Looks at a picture that is to be enlarged.

    Raises:
      errors.InputError: it has too many pixels or cannot be read.
    """
    with _complaints_about(path):
      picture = self._read(path)
      shown = self._new_folder() / "picture.jpg"
      pictures.write(shown, _visible(picture))
    height, width = picture.size
    sentence = f"{width} x {height} pixels"
    if len(picture.frames) > 1:
      sentence += f", {len(picture.frames)} frames"
    return Preview(shown, sentence)

  def enlarge(
    self,
    path: str | pathlib.Path,
    options: options_lib.Options,
    on_progress: Callable[[float], object] = lambda share: None,
  ) -> Result:
    """Enlarges a picture.

    Args:
      path: the picture's file.
      options: of which the weights are one of `names`, the other weights to
        blend one of their `partners`, and the enlargement at most
        LARGEST_SCALE.
      on_progress: told the share of the pixels that are done, up to 1.

    Raises:
      errors.InputError: the picture has too many pixels, cannot be read or
        needs too much memory; or there is no such choice.
    """
    outscale = options.outscale or LARGEST_SCALE
    if outscale > LARGEST_SCALE:
      raise errors.InputError(
        f"The enlargement is {outscale:g}: it must be above 0 and at most"
        f" {LARGEST_SCALE}."
      )
    start = time.perf_counter()
    with _complaints_about(path):
      picture = self._read(path)
      for name in filter(None, (options.weights, options.blend)):
        self._check_offered(name)
      upscale, scale = _upscaler(dataclasses.replace(options, outscale=None))
      total, done = _num_pixels(*picture.size, len(picture.frames)), 0

      def on_pixels(pixels: int):
        nonlocal done
        done += pixels
        on_progress(done / total)

      sr = picture_upscaling.enlarge(
        picture, upscale, scale, outscale, on_pixels
      )
      folder = self._new_folder()
      file = folder / f"{pathlib.Path(path).stem}_x{outscale:g}.png"
      notes = sr.notes + pictures.write(file, sr)
      before, after = folder / "before.jpg", folder / "after.jpg"
      pictures.write(before, _visible(picture, outscale))
      pictures.write(after, _visible(sr))
    height, width = sr.size
    megabytes = file.stat().st_size / 1e6
    seconds = time.perf_counter() - start
    sentence = f"{width} x {height} pixels, {megabytes:.1f} MB, {seconds:.0f} s"
    return Result(before, after, file, "; ".join([sentence, *notes]))

  def _read(self, path: str | pathlib.Path) -> pictures.Picture:
    height, width, frames = pictures.size(path)
    pixels = _num_pixels(height, width, frames)
    if pixels > self._max_pixels:
      times = f"{frames} x " if frames > 1 else ""
      raise errors.InputError(
        f"{path} is too large for this page: it has {pixels / 1e6:.1f}"
        f" megapixels ({times}{width} x {height}), and the limit is"
        f" {self._max_pixels / 1e6:g}. Make it smaller, or enlarge it with"
        " python -m srfeat_jax.upscale, which has no such limit."
      )
    return pictures.read(path)

  def _check_offered(self, name: str) -> None:
    if name not in self.names:
      raise errors.InputError(
        f"There are no weights {name}: choose one of {', '.join(self.names)}."
      )

  def _new_folder(self) -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(dir=self._folder))


@contextlib.contextmanager
def _complaints_about(path: str | pathlib.Path) -> Iterator[None]:
  """Lets errors call a file by its name: its folder is none of the person's."""
  path = pathlib.Path(path)
  try:
    yield
  except errors.InputError as error:
    text = str(error).replace(str(path), path.name)
    raise errors.InputError(text) from error
  except MemoryError as error:
    raise errors.InputError(
      f"{path.name} needs more memory than there is."
    ) from error


@functools.lru_cache(maxsize=2)
def _upscaler(options: options_lib.Options):
  """Like `upscalers.make`; keeps the last ones."""
  return upscalers.make(options)


def _kind(loaded: lookup.Weights) -> tuple:
  """What two networks have in common if they can be blended."""
  shapes = jax.tree.map(lambda array: array.shape, loaded.variables)
  return loaded.generator, shapes


def _visible(picture: pictures.Picture, scale: float = 1) -> pictures.Picture:
  """The first frame as a browser is to show it, resized bicubically."""
  scale = min(scale, _SHOWN_SIDE / max(picture.size))
  first = dataclasses.replace(
    picture,
    frames=picture.frames[:1],
    alphas=picture.alphas[:1],
    durations=[],
    exif=b"",
    xmp=b"",
  )
  return picture_upscaling.enlarge(
    first, lambda color, on_pixels: color, 1, scale
  )


def _num_pixels(height: int, width: int, frames: int) -> int:
  return height * width * frames
