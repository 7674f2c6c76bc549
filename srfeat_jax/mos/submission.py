"""What a rater's page sends or saves: all scores of a rater until then.

A page sends several as the rater goes on, each with all scores so far, a higher
revision and an id of its own. A submission comes from outside: nothing of it is
used that is not checked here.
"""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from srfeat_jax import errors
from srfeat_jax.mos import strict_json
from srfeat_jax.mos import study as study_lib

_FIELDS = {
  *("format", "study", "rater", "submission", "revision", "complete"),
  *("screen", "ratings"),
}
_SCREEN = {"width", "height", "pixel_ratio", "dark"}
_RATING = {"item", "score", "milliseconds"}
_RANDOM = re.compile(r"[0-9a-f]{32}")
_SCORES = range(1, 6)
_LONGEST = 3_600_000  # milliseconds, and so in the page
_MOST_REVISIONS = 1_000_000
_BYTES_BESIDE, _BYTES_PER_ITEM = 4096, 256


@dataclasses.dataclass(frozen=True)
class Rating:
  """The score of an item.

  Attributes:
    item: the item's id.
    score: 1 (bad) to 5 (excellent).
    milliseconds: from when the image was there until it was rated.
  """

  item: str
  score: int
  milliseconds: int


@dataclasses.dataclass(frozen=True)
class Submission:
  """A rater's scores.

  Attributes:
    study: the study's id.
    rater: 32 random hexadecimal digits in place of a name.
    submission: 32 random hexadecimal digits, others for other content.
    revision: how often this rater had rated; the highest one counts.
    complete: whether all items are rated.
    screen: the size of the rater's screen.
    ratings: in the order in which the items were shown.
  """

  study: str
  rater: str
  submission: str
  revision: int
  complete: bool
  screen: Mapping[str, Any]
  ratings: tuple[Rating, ...]

  def encode(self) -> bytes:
    """Returns JSON, the same for what was equal when it was parsed."""
    fields = {"format": study_lib.FORMAT} | dataclasses.asdict(self)
    return json.dumps(fields, indent=1, sort_keys=True).encode() + b"\n"


def largest(study: study_lib.Study) -> int:
  """The size in bytes that no submission to a study exceeds."""
  return _BYTES_BESIDE + _BYTES_PER_ITEM * len(study.items)


def parse(data: bytes, study: study_lib.Study) -> Submission:
  """Checks a submission.

  Args:
    data: what came.
    study: what it must belong to.

  Raises:
    errors.InputError: anything is not as the page writes it. The sentence
      repeats nothing of the data.
  """
  if len(data) > largest(study):
    raise errors.InputError(
      f"it is larger than {largest(study)} bytes, which no submission is"
    )
  fields = _fields(strict_json.parse(data), _FIELDS, "the submission")
  _check(fields["format"] == study_lib.FORMAT, "format", study_lib.FORMAT)
  if fields["study"] != study.id:
    raise errors.InputError("it belongs to another study")
  for name in ("rater", "submission"):
    right = isinstance(fields[name], str) and _RANDOM.fullmatch(fields[name])
    _check(right, name, "32 hexadecimal digits")
  number = fields["revision"]
  _check(
    _whole(number) and 0 <= number <= _MOST_REVISIONS, "revision", "a count"
  )
  complete = fields["complete"]
  _check(isinstance(complete, bool), "complete", "true or false")
  screen = _screen(fields["screen"])
  _check(isinstance(fields["ratings"], list), "ratings", "a list")
  ids = study.ids
  ratings = tuple(_rating(each, ids) for each in fields["ratings"])
  rated = {each.item for each in ratings}
  if len(rated) < len(ratings):
    raise errors.InputError("it rates an item twice")
  if complete != (len(rated) == len(ids)):
    raise errors.InputError(
      f'"complete" does not agree with {len(rated)} ratings of {len(ids)} items'
    )
  return Submission(
    *(study.id, fields["rater"], fields["submission"], number, complete),
    *(screen, ratings),
  )


def _fields(value: Any, names: set[str], what: str) -> dict[str, Any]:
  """An object that has these fields and no others."""
  if not isinstance(value, dict):
    raise errors.InputError(f"{what} is not an object")
  missing = sorted(names - value.keys())
  if missing:
    raise errors.InputError(f'{what} lacks "{missing[0]}"')
  if value.keys() - names:
    raise errors.InputError(
      f"{what} has fields besides {', '.join(sorted(names))}"
    )
  return value


def _screen(value: Any) -> dict[str, Any]:
  screen = _fields(value, _SCREEN, '"screen"')
  for name in ("width", "height", "pixel_ratio"):
    number = screen[name]
    right = (
      isinstance(number, (int, float))
      and not isinstance(number, bool)
      and math.isfinite(number)
      and 0 <= number <= 100_000
    )
    _check(right, name, "a number from 0 to 100000")
  _check(isinstance(screen["dark"], bool), "dark", "true or false")
  return screen


def _rating(value: Any, ids: set[str]) -> Rating:
  rating = _fields(value, _RATING, "a rating")
  item, score = rating["item"], rating["score"]
  if not isinstance(item, str) or item not in ids:
    raise errors.InputError("it rates an item that is not in the study")
  _check(
    _whole(score) and score in _SCORES, "score", "a whole number from 1 to 5"
  )
  time = rating["milliseconds"]
  right = _whole(time) and 0 <= time <= _LONGEST
  _check(right, "milliseconds", f"a whole number from 0 to {_LONGEST}")
  return Rating(item, score, time)


def _whole(value: Any) -> bool:
  return isinstance(value, int) and not isinstance(value, bool)


def _check(right: Any, name: str, expected: str) -> None:
  if not right:
    raise errors.InputError(f'"{name}" is wrong: expected {expected}')
