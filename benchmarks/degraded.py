"""Images degraded with Pillow, as evaluation sets.

None of the code that degrades images in training is used, so that a network
trained with that code has no advantage here. The same version of Pillow gives
the same bytes. What is drawn for an image depends only on the seed and on its
name, not on the other images.
"""

import dataclasses
import hashlib
import io
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageFilter

from srfeat_jax import atomic, errors
from srfeat_jax.evaluation import detailed_region
from srfeat_jax.image_io import images

SCALE = 4
PARAMETERS = "parameters.json"
LEAST = 16 * SCALE  # pixels on each side of an image
_JPEG_GRID = 16  # pixels, with chroma at half the resolution


@dataclasses.dataclass(frozen=True)
class Strength:
  """The steps of a degradation, in order; values are uniform in the ranges.

  Attributes:
    blur: sigma of the blur before downscaling, in LR pixels.
    filters: names of Pillow's filters, one of which downscales the image.
    detour: share of LR's size to which it is downscaled first, before it is
      upscaled to LR's size.
    noise: sigma in levels; in two of five images all channels get the same.
    quality: of JPEG; None for no JPEG.
    subsamplings: of JPEG's chroma, one of which is drawn.
  """

  filters: tuple[str, ...]
  blur: tuple[float, float] = (0, 0)
  detour: tuple[float, float] = (1, 1)
  noise: tuple[float, float] = (0, 0)
  quality: tuple[int, int] | None = None
  subsamplings: tuple[str, ...] = ("4:4:4", "4:2:0")


_ANY_FILTER = ("BICUBIC", "LANCZOS", "BOX")
STRENGTHS = {
  "clean": Strength(filters=("BICUBIC",)),
  "light": Strength(filters=_ANY_FILTER, quality=(85, 95)),
  "medium": Strength(
    filters=_ANY_FILTER, blur=(0, 0.4), noise=(0, 6), quality=(50, 80)
  ),
  "strong": Strength(
    filters=_ANY_FILTER,
    blur=(0.3, 0.8),
    detour=(0.6, 0.9),
    noise=(4, 14),
    quality=(30, 55),
  ),
}


def make(
  sources: Sequence[str],
  output: str,
  *,
  side: int = 320,
  crop: str = "center",
  seed: int = 0,
) -> int:
  """Makes the sets.

  Args:
    sources: folders of images.
    output: folder for SET/HR/NAME.png, SET/LRx4/NAME.png and PARAMETERS; NAME
      is made of the folder's name and the image's path below it.
    side: largest side of the HR crops in pixels, a multiple of SCALE; smaller
      images are cropped to multiples of SCALE.
    crop: "center", from the center of the image; or "detail", where the image
      has most detail.
    seed: of all random numbers.

  Returns:
    The number of images in each set.

  Raises:
    errors.InputError: a folder or image cannot be read, an image is too small,
      two images have the same name, `side` is not a multiple of SCALE, or a set
      exists already.
  """
  if side % SCALE:
    raise errors.InputError(f"--side={side} is not a multiple of {SCALE}")
  folder = pathlib.Path(output)
  for name in STRENGTHS:
    if (folder / name).exists():
      raise errors.InputError(
        f"{folder / name} exists already: remove it, or choose another --output"
      )
  found = dict(_named(sources))
  drawn: dict[str, dict] = {name: {} for name in STRENGTHS}
  for name, path in found.items():
    image = images.read_rgb(path)
    left, top, right, bottom = box = _box(path, image, side, crop)
    hr = image[top:bottom, left:right]
    for strength in STRENGTHS:
      settings = draw(strength, name, seed)
      images.write(folder / strength / "HR" / f"{name}.png", hr)
      lr = degrade(hr, settings)
      images.write(folder / strength / f"LRx{SCALE}" / f"{name}.png", lr)
      drawn[strength][name] = {"source": path.name, "box": box} | settings
  record = {"pillow": PIL.__version__, "seed": seed, "sets": drawn}
  text = json.dumps(record, indent=1)
  atomic.replace(folder / PARAMETERS, f"{text}\n".encode())
  return len(found)


def draw(strength: str, name: str, seed: int) -> dict[str, Any]:
  """Draws the degradation of an image.

  Args:
    strength: one of STRENGTHS.
    name: the name of the image.
    seed: a whole number, 0 or more.

  Returns:
    What `degrade` takes: a number or name for each field of `Strength`, and
    `gray_noise`, `noise_seed` and `grid` (x and y of the image's top left
    corner in a block of JPEG).
  """
  ranges = STRENGTHS[strength]
  digest = hashlib.sha256(f"{seed} {strength} {name}".encode()).digest()
  rng = np.random.default_rng(int.from_bytes(digest[:8]))
  # All numbers are drawn, used or not, so that a change to one range does not
  # change the others.
  quality = ranges.quality or (100, 100)
  drawn = {
    "filter": str(rng.choice(ranges.filters)),
    "blur": round(rng.uniform(*ranges.blur), 3),
    "detour": round(rng.uniform(*ranges.detour), 3),
    "noise": round(rng.uniform(*ranges.noise), 3),
    "gray_noise": bool(rng.random() < 0.4),
    "noise_seed": int(rng.integers(2**31)),
    "quality": int(rng.integers(quality[0], quality[1] + 1)),
    "subsampling": str(rng.choice(ranges.subsamplings)),
    "grid": rng.integers(0, _JPEG_GRID, 2).tolist(),
  }
  return drawn if ranges.quality else drawn | {"quality": None}


def degrade(hr: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
  """Makes LR from HR with Pillow.

  Args:
    hr: uint8 [H, W, 3], with sides that are multiples of SCALE.
    drawn: see `draw`.

  Returns:
    uint8 [H / SCALE, W / SCALE, 3].
  """
  image = Image.fromarray(hr)
  size = (image.width // SCALE, image.height // SCALE)
  resample = Image.Resampling[drawn["filter"]]
  if drawn["blur"]:
    image = image.filter(ImageFilter.GaussianBlur(SCALE * drawn["blur"]))
  if drawn["detour"] != 1:
    smaller = [max(1, round(drawn["detour"] * length)) for length in size]
    image = image.resize(smaller, resample)
    resample = Image.Resampling.BICUBIC
  lr = np.asarray(image.resize(size, resample))
  if drawn["noise"]:
    rng = np.random.default_rng(drawn["noise_seed"])
    channels = 1 if drawn["gray_noise"] else 3
    noise = rng.normal(0, drawn["noise"], (*lr.shape[:2], channels))
    lr = np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)
  if drawn["quality"] is not None:
    lr = _compressed(lr, drawn)
  return lr


def _compressed(lr: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
  """Compresses with JPEG, whose blocks do not begin at the image's corner.

  The same happens when an image is cropped after it was saved: a network must
  not rely on where blocks begin.
  """
  x, y = drawn["grid"]
  padded = np.pad(lr, ((y, 0), (x, 0), (0, 0)), "symmetric")
  buffer = io.BytesIO()
  Image.fromarray(padded).save(
    buffer,
    "JPEG",
    quality=drawn["quality"],
    subsampling=drawn["subsampling"],
  )
  with Image.open(buffer) as compressed:
    return np.asarray(compressed)[y:, x:]


def _named(sources: Sequence[str]) -> Iterator[tuple[str, pathlib.Path]]:
  """Yields the images of the folders with their names in the sets."""
  seen: dict[str, pathlib.Path] = {}
  for source in map(pathlib.Path, sources):
    for path in images.find(source):
      below = path.relative_to(source).with_suffix("").parts
      name = "-".join((source.resolve().name, *below))
      if name in seen:
        raise errors.InputError(
          f"{seen[name]} and {path} would both be called {name}: rename one, or"
          " its folder"
        )
      seen[name] = path
      yield name, path


def _box(
  path: pathlib.Path, image: np.ndarray, side: int, crop: str
) -> tuple[int, int, int, int]:
  """Returns left, top, right and bottom of the crop."""
  height, width = image.shape[:2]
  if min(height, width) < LEAST:
    raise errors.InputError(
      f"{path} has {height} x {width} pixels (height x width): expected"
      f" {LEAST} x {LEAST} or more"
    )
  rows, columns = (min(side, n - n % SCALE) for n in (height, width))
  top, left = (height - rows) // 2, (width - columns) // 2
  if crop == "detail":
    # Absolute gradients, not squared: fine detail counts for more than edges.
    gray = image.mean(axis=-1)
    energy = sum(np.abs(slope) for slope in np.gradient(gray))
    top, left = detailed_region.find(energy, rows, columns)
  return left, top, left + columns, top + rows
