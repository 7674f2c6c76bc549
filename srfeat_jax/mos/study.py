"""A study: which items raters are shown, and the key to what they are.

An item is an image under a name that tells nothing of its method. Some images
are repeated, as items of their own, for the raters' consistency. The key says
of each item which image it is; raters never get it.
"""

import dataclasses
import json
import pathlib
import random
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from srfeat_jax import atomic, errors
from srfeat_jax.mos import candidates

FORMAT = "srfeat_jax.mos/1"
KEY, PAGE = "key.json", "page"
WORDS = {1: "bad", 2: "poor", 3: "fair", 4: "good", 5: "excellent"}
# Scores that raters are told of in the calibration.
ANCHORS = {candidates.HR: 5, candidates.NEAREST: 1}
_HEX = re.compile(r"[0-9a-f]+")


@dataclasses.dataclass(frozen=True)
class Item:
  """What a rater gives one score.

  Attributes:
    id: its opaque name, 12 hexadecimal digits, also of its file.
    method: what made the image.
    set_name: the image's set.
    name: the image's name in the set.
    repeat_of: of an image that is shown again, the id of the other item.
  """

  id: str
  method: str
  set_name: str
  name: str
  repeat_of: str | None = None

  @property
  def source(self) -> candidates.Source:
    """The set and name: which image it is, apart from the method."""
    return self.set_name, self.name


@dataclasses.dataclass(frozen=True)
class Study:
  """All items, with what they are.

  Attributes:
    id: 16 hexadecimal digits.
    title: what raters read first.
    seed: what the names and the order were drawn with.
    methods: in the order of tables.
    items: in a random order.
  """

  id: str
  title: str
  seed: int
  methods: tuple[str, ...]
  items: tuple[Item, ...]

  @property
  def ids(self) -> set[str]:
    """The items' ids."""
    return {item.id for item in self.items}

  @property
  def sets(self) -> list[str]:
    """The sets' names, sorted."""
    return sorted({item.set_name for item in self.items})


def draw(
  sources: Collection[candidates.Source],
  methods: Sequence[str],
  repeats: int,
  seed: int,
  title: str,
) -> Study:
  """Draws the names and the order of the items.

  Args:
    sources: the images.
    methods: each is shown on all images.
    repeats: the number of items that are shown again.
    seed: equal seeds draw equally.
    title: what raters read first.

  Raises:
    errors.InputError: `repeats` is not from 0 to the number of items.
  """
  # Of other images, other names: raters' browsers know studies by their id.
  rng = random.Random(repr((seed, title, sorted(sources), [*methods], repeats)))
  total = len(sources) * len(methods)
  if not 0 <= repeats <= total:
    raise errors.InputError(
      f"--repeats={repeats}: expected 0 to {total}, the number of images of all"
      " methods"
    )
  names = _names(rng, total + repeats)
  items = [
    Item(next(names), method, *source)
    for source in sorted(sources)
    for method in methods
  ]
  items += [
    dataclasses.replace(item, id=next(names), repeat_of=item.id)
    for item in rng.sample(items, repeats)
  ]
  rng.shuffle(items)
  study_id = f"{rng.getrandbits(64):016x}"
  return Study(study_id, title, seed, tuple(methods), tuple(items))


def limit(
  sources: Collection[candidates.Source], number: int, seed: int
) -> list[candidates.Source]:
  """Draws at most `number` images of each set; 0: all of them."""
  rng = random.Random(seed)
  drawn = []
  for name in sorted({set_name for set_name, _ in sources}):
    ours = sorted(source for source in sources if source[0] == name)
    drawn += rng.sample(ours, min(number or len(ours), len(ours)))
  return sorted(drawn)


def save_key(study: Study, folder: pathlib.Path) -> None:
  """Writes the key into a study's folder."""
  key = {
    "format": FORMAT,
    "study": study.id,
    "title": study.title,
    "seed": study.seed,
    "methods": study.methods,
    "items": [dataclasses.asdict(item) for item in study.items],
  }
  data = json.dumps(key, indent=1, ensure_ascii=False) + "\n"
  atomic.replace(folder / KEY, data.encode())


def load(folder: str | pathlib.Path) -> Study:
  """Reads a study by its key.

  Raises:
    errors.InputError: there is no study in the folder, or its key is damaged.
  """
  path = pathlib.Path(folder) / KEY
  try:
    key = json.loads(path.read_bytes())
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read ({error.strerror}): expected the folder that"
      " `mos build` wrote"
    ) from error
  except (ValueError, RecursionError) as error:
    raise errors.InputError(f"{path} is damaged: it is no JSON") from error
  try:
    return _study(key)
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    raise errors.InputError(
      f"{path} is not the key of a study, or one of another version: build the"
      " study again"
    ) from error


def _study(key: Mapping[str, Any]) -> Study:
  if key["format"] != FORMAT:
    raise ValueError(key["format"])
  items = tuple(Item(**each) for each in key["items"])
  study = Study(
    key["study"], key["title"], key["seed"], tuple(key["methods"]), items
  )
  by_id = {item.id: item for item in items}
  if not items or len(by_id) != len(items):
    raise ValueError("items")
  for name in (study.id, *by_id):
    if not _HEX.fullmatch(name):  # it is part of paths
      raise ValueError(name)
  for item in items:
    if item.method not in study.methods:
      raise ValueError(item.method)
    if item.repeat_of is not None:
      by_id[item.repeat_of]
  return study


def _names(rng: random.Random, number: int):
  """Different names, in a random order."""
  drawn: dict[str, None] = {}
  while len(drawn) < number:
    drawn[f"{rng.getrandbits(48):012x}"] = None
  return iter(drawn)
