"""How often the intervals of an opinion study contain the true scores.

  .venv/bin/python -m tests.mos.coverage [STUDIES]

Simulates studies of 26 raters whose true opinions are known: all rate
everything, or most stop early. Not run with the other tests, for it takes
minutes.
"""

import sys

import numpy as np

from srfeat_jax.mos import analysis
from tests.support import opinion_studies

RATERS = 26
METHODS = opinion_studies.METHODS
LEVELS = np.array([4.7, 1.3, 3.6, 3.1])
COMPLETE = 2  # raters who rate everything, where most stop early
STOPPED = 0.15  # share of the items that the others rate


def main(studies: str = "1000") -> None:
  """Prints the share of studies whose interval contains the truth."""
  for num_images in (5, 14, 100):
    for stops_early in (False, True):
      number = int(studies) if num_images < 100 else int(studies) // 4
      _simulate(num_images, number, stops_early)


def _simulate(num_images: int, number: int, stops_early: bool) -> None:
  rng = np.random.default_rng(num_images)
  study = opinion_studies.draw(num_images, 4)
  narrow, wide, flagged, out = [], [], [], []
  for _ in range(number):
    # The images of each study are others of the same kind.
    quality = LEVELS[:, None] + rng.normal(0, 0.4, (1, num_images))
    quality += rng.normal(0, 0.2, quality.shape)
    opinions = opinion_studies.Opinions(quality)
    ratings = opinions.ratings(study, RATERS, rng)
    if stops_early:
      for scores in ratings.scores[COMPLETE:]:
        rated = max(1, int(STOPPED * len(scores)))
        scores[rng.permutation(len(scores))[rated:]] = np.nan
    found = analysis.analyze(ratings)
    for i, method in enumerate(METHODS):
      score = found.sets["A"].methods.get(method)
      if score is None or score.images < num_images:
        continue  # of other images the truth is another one
      low, high = score.interval
      narrow.append(low <= opinions.expected()[i].mean() <= high)
      low, high = score.wide_interval
      spread = np.hypot(0.4, 0.2)
      everywhere = opinion_studies.Opinions(
        LEVELS[i : i + 1, None], noise=float(np.hypot(0.7, spread))
      )
      wide.append(low <= everywhere.expected()[0, 0] <= high)
    flagged += [each.bt500 for each in found.raters]
    out += [bool(each.reasons) for each in found.raters]
  who = "most raters stop early" if stops_early else "complete"
  print(
    f"{num_images} images, {number} studies, {who}: the intervals over raters"
    f" {np.mean(narrow):.1%} contain the truth, over raters and images"
    f" {np.mean(wide):.1%}; {np.mean(out):.2%} of raters are outliers, and"
    f" BT.500 rejects {np.mean(flagged):.2%}",
    flush=True,
  )


if __name__ == "__main__":
  main(*sys.argv[1:])
