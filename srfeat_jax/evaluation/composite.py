"""Scores that challenges compute from several metrics' means.

A score is there if all its parts are: of metrics that are not built in, by
`--metric`, under the names below.
"""

from collections.abc import Mapping

import numpy as np

# Of the challenge's evaluation: from the means over all images.
PERCEPTUAL_SCORE = (
  "NTIRE 2025's score of image super-resolution (x4), perceptual track:"
  " (1 - LPIPS) + (1 - DISTS) + CLIPIQA + MANIQA + MUSIQ / 100"
  " + max(0, (10 - NIQE) / 10), with LPIPS of AlexNet; higher is better"
)
PI = (
  "the perceptual index of PIRM 2018 (Blau et al. 2018):"
  " ((10 - Ma) + NIQE) / 2; lower is better"
)
DESCRIPTIONS = {"perceptual_score": PERCEPTUAL_SCORE, "pi": PI}
_PARTS = ("dists", "clipiqa", "maniqa", "musiq", "niqe")


def scores(
  means: Mapping[str, float], backbone: str | None = None
) -> dict[str, float]:
  """Computes the scores whose parts are there.

  Args:
    means: of a set, by the metrics' names.
    backbone: that of `lpips`; with several, they are `lpips_alex` and so on.

  Returns:
    "perceptual_score", "pi", both or neither; NaN if a part is.
  """
  found = {}
  lpips = means.get("lpips" if backbone == "alex" else "lpips_alex")
  if lpips is not None and all(part in means for part in _PARTS):
    found["perceptual_score"] = (
      (1 - lpips)
      + (1 - means["dists"])
      + (means["clipiqa"] + means["maniqa"] + means["musiq"] / 100)
      + np.maximum(0.0, (10 - means["niqe"]) / 10).item()
    )
  if "ma" in means and "niqe" in means:
    found["pi"] = ((10 - means["ma"]) + means["niqe"]) / 2
  return found
