"""Pictures degraded with Pillow, as evaluation sets.

None of the code that degrades images in training is used, so that what a
network learned from that code does not favor it here. The same version of
Pillow gives the same bytes; a picture's draws depend on the seed and its name
only, not on the pictures beside it.
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
from srfeat_jax.image_io import images

SCALE = 4
PARAMETERS = "parameters.json"
LEAST = 16 * SCALE  # pixels a side
_JPEG_GRID = 16  # pixels, with chroma at half the resolution


@dataclasses.dataclass(frozen=True)
class Strength:
  """What may happen to a picture; ranges are drawn from evenly.

  Attributes:
    filters: of Pillow, by name, one of which shrinks the picture.
    blur: sigma before shrinking, in LR pixels.
    detour: size between shrinking and enlarging again, as a share of LR's.
    noise: sigma in levels, after that; in two of five pictures the same in all
      channels.
    quality: of JPEG, last; None for no JPEG.
    subsamplings: of its chroma, one of which is drawn.
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
    sources: folders of pictures.
    output: folder for SET/HR/NAME.png, SET/LRx4/NAME.png and PARAMETERS; a
      NAME is made of the source's and the picture's below it.
    side: of the HR crops, at most, in pixels, a multiple of SCALE; what is
      smaller is cropped to such a multiple.
    crop: "center" or "detail", center: the middle of the picture; detail: where
      it has most of that.
    seed: of all that is drawn.

  Returns:
    How many pictures a set has.

  Raises:
    errors.InputError: a folder or picture cannot be read, a picture is too
      small, two have one name, `side` is no multiple, or a set is there.
  """
  if side % SCALE:
    raise errors.InputError(f"--side={side} is no multiple of {SCALE}.")
  folder = pathlib.Path(output)
  for name in STRENGTHS:
    if (folder / name).exists():
      raise errors.InputError(
        f"{folder / name} is there already: remove it, or choose another"
        " --output."
      )
  found = dict(_named(sources))
  drawn: dict[str, dict] = {name: {} for name in STRENGTHS}
  for name, path in found.items():
    picture = images.read_rgb(path)
    left, top, right, bottom = box = _box(path, picture, side, crop)
    hr = picture[top:bottom, left:right]
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
  """Draws what happens to a picture.

  Args:
    strength: of STRENGTHS.
    name: the picture's.
    seed: a whole number from 0.

  Returns:
    What `degrade` takes: a number or name for each field of `Strength`,
    `gray_noise`, `grid` (where the picture lies on JPEG's blocks: x, y) and
    `noise_seed`.
  """
  ranges = STRENGTHS[strength]
  digest = hashlib.sha256(f"{seed} {strength} {name}".encode()).digest()
  rng = np.random.default_rng(int.from_bytes(digest[:8]))
  # All is drawn, whether it is used or not, so that a change of one range
  # leaves the draws of the others.
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
  """Makes LR of HR with Pillow.

  Args:
    hr: uint8 [H, W, 3], sides multiples of SCALE.
    drawn: see `draw`.

  Returns:
    uint8 [H / SCALE, W / SCALE, 3].
  """
  picture = Image.fromarray(hr)
  size = (picture.width // SCALE, picture.height // SCALE)
  resample = Image.Resampling[drawn["filter"]]
  if drawn["blur"]:
    picture = picture.filter(ImageFilter.GaussianBlur(SCALE * drawn["blur"]))
  if drawn["detour"] != 1:
    less = [max(1, round(drawn["detour"] * length)) for length in size]
    picture = picture.resize(less, resample)
    resample = Image.Resampling.BICUBIC
  lr = np.asarray(picture.resize(size, resample))
  if drawn["noise"]:
    rng = np.random.default_rng(drawn["noise_seed"])
    channels = 1 if drawn["gray_noise"] else 3
    noise = rng.normal(0, drawn["noise"], (*lr.shape[:2], channels))
    lr = np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)
  if drawn["quality"] is not None:
    lr = _compressed(lr, drawn)
  return lr


def _compressed(lr: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
  """Sends a picture through JPEG, whose blocks begin somewhere inside it.

  So does whoever crops a picture after saving it; a network must not rely on
  where the blocks begin.
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
  with Image.open(buffer) as picture:
    return np.asarray(picture)[y:, x:]


def _named(sources: Sequence[str]) -> Iterator[tuple[str, pathlib.Path]]:
  """Yields pictures with the names they get."""
  seen: dict[str, pathlib.Path] = {}
  for source in map(pathlib.Path, sources):
    for path in images.find(source):
      below = path.relative_to(source).with_suffix("").parts
      name = "-".join((source.resolve().name, *below))
      if name in seen:
        raise errors.InputError(
          f"{seen[name]} and {path} would both be called {name}: rename one, or"
          " its folder."
        )
      seen[name] = path
      yield name, path


def _box(
  path: pathlib.Path, picture: np.ndarray, side: int, crop: str
) -> tuple[int, int, int, int]:
  """Returns left, top, right and bottom of the crop."""
  height, width = picture.shape[:2]
  if min(height, width) < LEAST:
    raise errors.InputError(
      f"{path} has {height} x {width} pixels (height x width): too few for a"
      f" crop, which takes {LEAST} x {LEAST} or more."
    )
  rows, columns = (min(side, n - n % SCALE) for n in (height, width))
  top, left = (height - rows) // 2, (width - columns) // 2
  if crop == "detail":
    top, left = _most_detail(picture, rows, columns)
  return left, top, left + columns, top + rows


def _most_detail(picture: np.ndarray, rows: int, columns: int):
  """Returns top and left of the rectangle with the largest mean gradient.

  Absolute, not squared: many fine steps count for more than one strong edge.
  """
  gray = picture.mean(axis=-1)
  slopes = sum(np.abs(slope) for slope in np.gradient(gray))
  total = np.pad(slopes.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
  inside = (
    total[rows:, columns:]
    - total[:-rows, columns:]
    - total[rows:, :-columns]
    + total[:-rows, :-columns]
  )
  return map(int, np.unravel_index(inside.argmax(), inside.shape))
