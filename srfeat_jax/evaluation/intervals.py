"""Intervals of all values of a comparison, and of differences from bicubic.

A difference is paired: it is that of the same images, so what makes an image
hard for all methods does not count, and its interval is narrower than those of
the two means.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from srfeat_jax.evaluation import bootstrap, protocol


def of(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
  """Computes them.

  Args:
    methods: by name, the sets of each, see `evaluator.evaluate`.

  Returns:
    {"level": 0.95, "resamples": .., "seed": .., "means": {METHOD: {SET:
    {METRIC: [low, high]}}}}; and for several methods "differences", likewise of
    all but one, bicubic or else the first, whose name is under "from". An
    interval is missing where there is none, see `bootstrap.interval`; ratios
    have none of differences.
  """
  reference = "bicubic" if "bicubic" in methods else next(iter(methods))
  others = [method for method in methods if method != reference]
  found: dict[str, Any] = {
    "level": bootstrap.LEVEL,
    "resamples": bootstrap.RESAMPLES,
    "seed": bootstrap.SEED,
    "means": {
      method: {name: _means(scores) for name, scores in sets.items()}
      for method, sets in methods.items()
    },
  }
  if others:
    found["from"] = reference
    found["differences"] = {
      method: {
        name: _differences(scores, methods[reference][name])
        for name, scores in methods[method].items()
      }
      for method in others
    }
  return found


def _means(scores: Mapping[str, Any]) -> dict[str, list[float]]:
  found = {}
  for metric, values in _by_metric(scores).items():
    defined = [value for value in values if not math.isnan(value)]
    average = functools.partial(protocol.average, metric)
    ends = bootstrap.interval(defined, average)
    if ends:
      found[metric] = list(ends)
  return found


def _differences(
  scores: Mapping[str, Any], baseline: Mapping[str, Any]
) -> dict[str, list[float]]:
  found = {}
  of_baseline = _by_metric(baseline)
  for metric, values in _by_metric(scores).items():
    if metric in protocol.RATIOS or metric not in of_baseline:
      continue
    differences = [
      value - other
      for value, other in zip(values, of_baseline[metric], strict=True)
      if not (math.isnan(value) or math.isnan(other))
      and not (math.isinf(value) and math.isinf(other))
    ]
    ends = bootstrap.interval(
      differences, lambda drawn: np.mean(drawn, axis=-1)
    )
    if ends:
      found[metric] = list(ends)
  return found


def _by_metric(scores: Mapping[str, Any]) -> dict[str, list[float]]:
  images = list(scores["images"].values())
  return {
    metric: [image[metric] for image in images]
    for metric in (images[0] if images else ())
  }
