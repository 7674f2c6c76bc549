"""What the ratings of a study say: opinion scores, raters, differences."""

import dataclasses

import numpy as np

from srfeat_jax import errors
from srfeat_jax.mos import collected as collected_lib
from srfeat_jax.mos import consistency, opinion
from srfeat_jax.mos import study as study_lib

ALL_SETS = "all sets"


@dataclasses.dataclass(frozen=True)
class SetOpinions:
  """The opinions on the images of a set.

  Attributes:
    methods: by method, without outliers.
    everyone: by method, with the outliers.
    differences: between all pairs of methods, without outliers.
  """

  methods: dict[str, opinion.Opinion]
  everyone: dict[str, opinion.Opinion]
  differences: list[opinion.Difference]


@dataclasses.dataclass(frozen=True)
class Analysis:
  """All results of a study.

  Attributes:
    study: the study.
    collected: its ratings.
    sets: by the set's name, and `ALL_SETS` where there are several; a method
      or set that nobody rated is missing.
    raters: in the order of `collected.raters`.
    retest: scores of images that were shown twice, without outliers.
    anchors: by anchor, the score that raters were told and the mean that they
      gave, without outliers.
  """

  study: study_lib.Study
  collected: collected_lib.Collected
  sets: dict[str, SetOpinions]
  raters: list[consistency.Rater]
  retest: consistency.Retest | None
  anchors: dict[str, tuple[int, float]]

  @property
  def left_out(self) -> list[str]:
    """The ids of raters who are left out: the outliers, unless all are."""
    return self.outliers if len(self.outliers) < len(self.raters) else []

  @property
  def outliers(self) -> list[str]:
    """The ids of raters who are outliers by the rules."""
    return [
      name
      for name, rater in zip(self.collected.raters, self.raters, strict=True)
      if rater.reasons
    ]


def analyze(collected: collected_lib.Collected) -> Analysis:
  """Analyzes all ratings. Repeated items count for consistency alone.

  Raises:
    errors.InputError: nothing but repeated items was rated.
  """
  study, scores = collected.study, collected.scores
  firsts = [i for i, item in enumerate(study.items) if item.repeat_of is None]
  pairs = _pairs(study, scores)
  anchors_by_rater = _anchors_by_rater(study, scores, firsts)
  raters = consistency.raters(
    scores, collected.seconds, firsts, pairs, anchors_by_rater
  )
  kept = np.array([not rater.reasons for rater in raters])
  if not kept.any():
    kept[:] = True
  sets = {}
  names = study.sets
  for name in [*names, *([ALL_SETS] if len(names) > 1 else [])]:
    chosen = [i for i in firsts if name in (ALL_SETS, study.items[i].set_name)]
    by_method = _by_method(study, scores, chosen)
    good = {method: each[kept] for method, each in by_method.items()}
    good = {m: each for m, each in good.items() if not np.isnan(each).all()}
    if good:
      methods = {m: opinion.opinion(each) for m, each in good.items()}
      everyone = methods
      if not kept.all():
        everyone = {m: opinion.opinion(by_method[m]) for m in good}
      sets[name] = SetOpinions(methods, everyone, opinion.differences(good))
  if not sets:
    raise errors.InputError(
      "so far only images that are shown a second time have been rated, whose"
      " scores do not count: analyze when there are more ratings"
    )
  anchors = {}
  for method, told in study_lib.ANCHORS.items():
    every = _by_method(study, scores[kept], firsts).get(method)
    if every is not None and not np.isnan(every).all():
      anchors[method] = told, float(np.nanmean(every))
  retest = consistency.retest(pairs[kept])
  return Analysis(study, collected, sets, raters, retest, anchors)


def _by_method(
  study: study_lib.Study, scores: np.ndarray, chosen: list[int]
) -> dict[str, np.ndarray]:
  """Scores [raters, images] of each method, the images in the same order."""
  found = {}
  for method in study.methods:
    places = sorted(
      (study.items[i].source, i)
      for i in chosen
      if study.items[i].method == method
    )
    found[method] = scores[:, [i for _, i in places]]
  return found


def _pairs(study: study_lib.Study, scores: np.ndarray) -> np.ndarray:
  """Both scores [raters, images, 2] of images that were shown twice."""
  places = {item.id: index for index, item in enumerate(study.items)}
  both = [
    (places[item.repeat_of], index)
    for index, item in enumerate(study.items)
    if item.repeat_of is not None
  ]
  return scores[:, np.array(both, int).reshape(-1, 2)]


def _anchors_by_rater(
  study: study_lib.Study, scores: np.ndarray, firsts: list[int]
) -> np.ndarray | None:
  """Each rater's mean scores [raters, 2] of nearest and of HR."""
  ends = sorted(study_lib.ANCHORS, key=study_lib.ANCHORS.__getitem__)
  if not set(ends) <= set(study.methods):
    return None
  means = np.full((len(scores), len(ends)), np.nan)
  for column, method in enumerate(ends):
    chosen = [i for i in firsts if study.items[i].method == method]
    for row, each in enumerate(scores[:, chosen]):
      if not np.isnan(each).all():
        means[row, column] = np.nanmean(each)
  return means
