"""Results as tables of text, see `report` for both the values and the pages."""

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from srfeat_jax.evaluation import columns


def methods(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
  """The sets of each method by its name, baselines first."""
  return dict(_named(results))


def _named(results: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
  baselines = dict(results.get("baselines", {}))
  if "nearest" in baselines:
    yield "nearest", baselines.pop("nearest")
  if "bicubic" in results:
    yield "bicubic", results["bicubic"]
  yield from baselines.items()
  yield results["weights"], results["sets"]
  yield from results.get("others", {}).items()


def metrics(results: Mapping[str, Any]) -> list[str]:
  """The metrics that any method has a value of on any set."""
  found: dict[str, bool] = {}
  for _, sets in methods(results).items():
    for scores in sets.values():
      for metric, value in scores.items():
        if metric != "images":
          shown = value is not None and not math.isnan(value)
          found[metric] = found.get(metric, False) or shown
  return [metric for metric, shown in found.items() if shown]


def means(
  results: Mapping[str, Any], metrics: Sequence[str]
) -> list[list[str]]:
  """The averages of some metrics: a row for each method on each set."""
  rows = [["set (images)", "method", *metrics]]
  for name in results["sets"]:
    for method, sets in methods(results).items():
      scores = sets[name]
      cells = [columns.cell(each, scores.get(each)) for each in metrics]
      rows.append([f"{name} ({len(scores['images'])})", method, *cells])
  return rows


def images(results: Mapping[str, Any], name: str) -> list[list[str]]:
  """The scores of a set's images: a row for each method."""
  of_images = list(results["sets"][name]["images"])
  shown = [
    each
    for each in metrics(results)
    if of_images and each in results["sets"][name]["images"][of_images[0]]
  ]
  rows = [["image", "method", *shown]]
  for image in of_images:
    for method, sets in methods(results).items():
      scores = sets[name]["images"][image]
      cells = [columns.cell(each, scores[each]) for each in shown]
      rows.append([image, method, *cells])
  return rows


def speed(results: Mapping[str, Any]) -> list[list[str]]:
  """Seconds an image, and megapixels of output a second."""
  rows = [["set (images)", "method", "seconds an image", "megapixels a second"]]
  for name in results["sets"]:
    for method, sets in results["speed"].items():
      of_set = sets[name]
      seconds = f"{of_set['seconds']:.3f}"
      rate = f"{of_set['megapixels_per_second']:.2f}"
      rows.append([f"{name} ({len(of_set['images'])})", method, seconds, rate])
  return rows


def ends(
  results: Mapping[str, Any], found: Mapping[str, Any], base: str = ""
) -> list[list[str]]:
  """The ends of intervals, see `intervals.of`.

  Args:
    results: see `report`.
    found: the intervals of each method.
    base: the method that others are compared with: then the difference of the
      means precedes the ends of its interval.
  """
  means = methods(results)

  def cell(name, method, metric):
    if metric not in found[method][name]:
      return "-"
    text = " to ".join(
      columns.cell(metric, end) for end in found[method][name][metric]
    )
    if not base:
      return text
    of_both = (means[each][name][metric] for each in (method, base))
    return f"{columns.cell(metric, operator.sub(*of_both))} ({text})"

  shown = [
    metric
    for metric in metrics(results)
    if any(metric in each for sets in found.values() for each in sets.values())
  ]
  rows = [["set", "method", *shown]]
  for name in results["sets"]:
    for method in found:
      rows.append([name, method, *(cell(name, method, each) for each in shown)])
  return rows


def published(results: Mapping[str, Any]) -> list[list[str]]:
  """Published scores, each with its protocol; the last column is the source."""
  shown: dict[str, None] = {}
  for row in results["published"]:
    for scores in row["sets"].values():
      shown |= dict.fromkeys(scores)
  rows = [["set", "method", "protocol", *shown, "source"]]
  for name in results["sets"]:
    for row in results["published"]:
      if name in row["sets"]:
        scores = row["sets"][name]
        cells = [columns.cell(each, scores.get(each)) for each in shown]
        names = [name, row["method"], row["protocol"]]
        rows.append([*names, *cells, row["source"]])
  return rows


def gaps(results: Mapping[str, Any]) -> list[str]:
  """Sentences on metrics that are not defined for some images."""
  counts: dict[tuple[str, str], list[str]] = {}
  for method, sets in methods(results).items():
    for name, scores in sets.items():
      for image in scores["images"].values():
        for metric, value in image.items():
          if value is None or math.isnan(value):
            counts.setdefault((metric, name), []).append(method)
  return [
    f"{metric} is not defined for {max(map(found.count, found))} of"
    f" {len(results['sets'][name]['images'])} images of {name}, which its mean"
    " leaves out."
    for (metric, name), found in counts.items()
  ]
