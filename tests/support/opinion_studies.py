"""Small opinion studies, and raters whose true opinions are known."""

import dataclasses
import json
import pathlib
import secrets

import numpy as np
from scipy import stats

from srfeat_jax.image_io import images
from srfeat_jax.mos import collected, study_page
from srfeat_jax.mos import study as study_lib

METHODS = ("HR", "nearest", "ours", "theirs")


def draw(num_images: int = 2, repeats: int = 2, methods=METHODS, sets=("A",)):
  """A study of images that are nowhere."""
  sources = [(name, f"{i:02}") for name in sets for i in range(num_images)]
  return study_lib.draw(sources, methods, repeats, 7, "A <b>study</b>")


def build(folder: pathlib.Path, **options) -> study_lib.Study:
  """Writes a study of small images of noise, with its page."""
  study = draw(**options)
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
  methods = {
    method: {item.source: lambda: pixels for item in study.items}
    for method in study.methods
  }
  examples = [(pixels, 255 - pixels)]
  study_page.write(folder / study_lib.PAGE, study, methods, examples)
  study_lib.save_key(study, folder)
  return study


def submission(study: study_lib.Study, scores=None, /, **changes) -> dict:
  """What the page of a rater would send.

  Args:
    study: the study.
    scores: by item; by default a 3 for all.
    **changes: fields that differ.
  """
  scores = dict.fromkeys(sorted(study.ids), 3) if scores is None else scores
  return {
    "format": study_lib.FORMAT,
    "study": study.id,
    "rater": secrets.token_hex(16),
    "submission": secrets.token_hex(16),
    "revision": len(scores),
    "complete": len(scores) == len(study.items),
    "screen": {"width": 8, "height": 6, "pixel_ratio": 1.5, "dark": False},
    "ratings": [
      {"item": item, "score": score, "milliseconds": 900}
      for item, score in scores.items()
    ],
  } | changes


def encode(value) -> bytes:
  return json.dumps(value).encode()


@dataclasses.dataclass(frozen=True)
class Opinions:
  """What a population of raters thinks of images.

  A rater's score is a normal number, rounded and clipped to 1 to 5: the quality
  of the image, the rater's leniency, and noise of each rating.

  Attributes:
    quality: float [methods, images].
    leniency: standard deviation between raters.
    noise: standard deviation of each rating.
  """

  quality: np.ndarray
  leniency: float = 0.4
  noise: float = 0.7

  def expected(self) -> np.ndarray:
    """The mean score [methods, images] of all raters that there could be."""
    deviation = np.hypot(self.leniency, self.noise)
    # The score is 1 plus one for each of these that the number is above.
    bounds = np.array([1.5, 2.5, 3.5, 4.5])
    above = stats.norm.sf(bounds, self.quality[..., None], deviation)
    return 1 + above.sum(-1)

  def ratings(
    self, study: study_lib.Study, num_raters: int, rng: np.random.Generator
  ) -> collected.Collected:
    """Asks raters; images are in the order of their sources."""
    sources = sorted({item.source for item in study.items})
    quality = np.array(
      [
        self.quality[
          study.methods.index(item.method), sources.index(item.source)
        ]
        for item in study.items
      ]
    )
    lenient = rng.normal(0, self.leniency, (num_raters, 1))
    noise = rng.normal(0, self.noise, (num_raters, len(quality)))
    scores = np.clip(np.rint(quality + lenient + noise), 1, 5)
    raters = tuple(f"{i:032x}" for i in range(num_raters))
    seconds = np.ones_like(scores)
    return collected.Collected(study, raters, scores, seconds, num_raters, {})


def write_images(folder: pathlib.Path, *names: str, size=(24, 32), seed=0):
  """Writes images of noise."""
  rng = np.random.default_rng(seed)
  for name in names:
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    images.write(folder / name, pixels)


def write_results(
  folder: pathlib.Path, methods, names, scale: int = 4, places=None
) -> None:
  """Writes what `evaluate --save_images` would, other than scores.

  Args:
    folder: the folder; what is there stays if it has other names.
    methods: their weights.
    names: images, as SET/NAME.
    scale: the scale factor.
    places: the folders of the methods' images, if not by their last parts.
  """
  sets: dict = {}
  for name in names:
    set_name, _, image = name.partition("/")
    sets.setdefault(set_name, {"images": {}})["images"][image] = {}
  if places is None:
    last = [pathlib.PurePath(method).name for method in methods]
    places = [f"images/{name}" for name in last]
    places = places if len(methods) > 1 else ["images"]
  first, *others = methods
  content = {
    "weights": first,
    "protocol": {"name": "matlab", "description": "x", "scale": scale},
    "sets": sets,
    "images": dict(zip(methods, places, strict=True)),
  }
  if others:
    content["others"] = dict.fromkeys(others, sets)
  files = [f"{name}.png" for name in names]
  for seed, place in enumerate(places):
    write_images(folder / place, *files, seed=seed)
  folder.mkdir(parents=True, exist_ok=True)
  (folder / "results.json").write_text(json.dumps(content))
