"""What raters sent, as one array: a folder of submissions is read and checked.

The folder may hold anything: files that are damaged, too large, of another
study or no files at all are left out, each with a reason.
"""

import dataclasses
import os
import pathlib
import stat

import numpy as np

from srfeat_jax import errors
from srfeat_jax.mos import study as study_lib
from srfeat_jax.mos import submission as submission_lib


@dataclasses.dataclass(frozen=True)
class Collected:
  """All ratings of a study.

  Attributes:
    study: the study.
    raters: their ids, sorted.
    scores: float [raters, items], in the order of `study.items`; NaN where a
      rater did not rate.
    seconds: likewise, how long each rating took.
    files: the number of submissions that were read, also of those that a later
      one of the same rater replaces.
    left_out: names of other files, each with the reason.
  """

  study: study_lib.Study
  raters: tuple[str, ...]
  scores: np.ndarray
  seconds: np.ndarray
  files: int
  left_out: dict[str, str]


def read(study: study_lib.Study, folder: str | os.PathLike) -> Collected:
  """Reads a folder of submissions, of the server or of the page's downloads.

  Of each rater the submission with the highest revision counts.

  Raises:
    errors.InputError: the folder cannot be read, or holds no submission.
  """
  latest: dict[str, submission_lib.Submission] = {}
  left_out = {}
  files = 0
  for path in _entries(pathlib.Path(folder)):
    try:
      new = submission_lib.parse(_bytes(path, study), study)
    except errors.InputError as error:
      left_out[path.name] = str(error)
      continue
    files += 1
    old = latest.get(new.rater)
    if old is None or _rank(new) > _rank(old):
      latest[new.rater] = new
  latest = {name: each for name, each in latest.items() if each.ratings}
  if not latest:
    reasons = "".join(
      f"; {name}: {reason}" for name, reason in list(left_out.items())[:1]
    )
    raise errors.InputError(
      f"--results={folder} holds no ratings of this study: expected the folder"
      f" of `mos serve`, or downloaded .json files{reasons}"
    )
  places = {item.id: index for index, item in enumerate(study.items)}
  raters = tuple(sorted(latest))
  scores, seconds = np.full((2, len(raters), len(places)), np.nan)
  for row, rater in enumerate(raters):
    for each in latest[rater].ratings:
      scores[row, places[each.item]] = each.score
      seconds[row, places[each.item]] = each.milliseconds / 1000
  return Collected(study, raters, scores, seconds, files, left_out)


def _rank(submission: submission_lib.Submission) -> tuple:
  """What makes a rater's submission count; the last part breaks ties."""
  return (
    submission.revision,
    len(submission.ratings),
    submission.submission,
  )


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
  try:
    return sorted(each for each in folder.iterdir() if each.name[0] != ".")
  except OSError as error:
    raise errors.InputError(
      f"--results={folder} cannot be read: {error.strerror}"
    ) from error


def _bytes(path: pathlib.Path, study: study_lib.Study) -> bytes:
  """Reads a file, if it is one: opening a pipe would wait for ever."""
  if path.suffix.lower() != ".json":
    raise errors.InputError("its name does not end in .json")
  most = submission_lib.largest(study)
  try:
    if not stat.S_ISREG(path.lstat().st_mode):
      raise errors.InputError("it is no plain file")
    with path.open("rb") as file:
      return file.read(most + 1)
  except OSError as error:
    raise errors.InputError(f"it cannot be read: {error.strerror}") from error
