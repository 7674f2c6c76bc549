"""Writes an analysis: JSON with everything, and Markdown to read."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from srfeat_jax import atomic, cli
from srfeat_jax.mos import analysis as analysis_lib
from srfeat_jax.mos import consistency, opinion

JSON, MARKDOWN = "analysis.json", "analysis.md"
DISTRIBUTION, BARS = "distribution.png", "mos.png"
_HEADS = (
  *("set", "method", "MOS", "95%, other raters"),
  *("95%, other raters and images", "MOS with outliers"),
  *("raters", "images", "ratings"),
)
_NAMES = 2  # columns that are no numbers


def write(analysis: analysis_lib.Analysis, folder: pathlib.Path) -> None:
  """Writes both files.

  Raises:
    errors.InputError: they cannot be written.
  """
  text = json.dumps(_fields(analysis), indent=1, allow_nan=False)
  atomic.replace(folder / JSON, f"{text}\n".encode())
  atomic.replace(folder / MARKDOWN, markdown(analysis).encode())


def _fields(analysis: analysis_lib.Analysis) -> dict[str, Any]:
  collected = analysis.collected
  return {
    "study": analysis.study.id,
    "title": analysis.study.title,
    "methods": analysis.study.methods,
    "files": collected.files,
    "left_out": collected.left_out,
    "sets": {
      name: dataclasses.asdict(each) for name, each in analysis.sets.items()
    },
    "raters": {
      name: dataclasses.asdict(each)
      for name, each in zip(collected.raters, analysis.raters, strict=True)
    },
    "outliers": analysis.outliers,
    "raters_left_out": analysis.left_out,
    "retest": analysis.retest and dataclasses.asdict(analysis.retest),
    "anchors": {
      name: {"told": told, "mean": mean}
      for name, (told, mean) in analysis.anchors.items()
    },
    "rules": {
      "confidence": opinion.CONFIDENCE,
      "least_correlation": consistency.LEAST_CORRELATION,
      "least_gap_of_anchors": consistency.LEAST_GAP,
      "least_raters_for_outliers": consistency.LEAST_RATERS,
    },
  }


def text(analysis: analysis_lib.Analysis) -> str:
  """Returns the mean opinion scores as a table for the screen."""
  lines = [_HEADS, *_rows(analysis)]
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  return "\n".join(
    "  ".join(
      each.ljust(width) if i < _NAMES else each.rjust(width)
      for i, (each, width) in enumerate(zip(line, widths, strict=True))
    )
    for line in lines
  )


def _rows(analysis: analysis_lib.Analysis) -> list[tuple[str, ...]]:
  """The mean opinion scores, below `_HEADS`."""
  return [
    (
      *(name, method, f"{score.mos:.2f}", _interval(score.interval)),
      _interval(score.wide_interval),
      f"{each.everyone[method].mos:.2f}",
      *(str(score.raters), str(score.images), str(score.ratings)),
    )
    for name, each in analysis.sets.items()
    for method, score in each.methods.items()
  ]


def markdown(analysis: analysis_lib.Analysis) -> str:
  """Returns all that an analysis says."""
  parts = [
    f"# {_escaped(analysis.study.title)}",
    f"{summary(analysis)}; scores from 1 (bad) to 5 (excellent).",
    "## Mean opinion scores",
    _table(_HEADS, _rows(analysis), _NAMES),
    "A score is the mean over the images of the mean over the raters. The first"
    " interval is Student's t over the raters, for other raters of the same"
    " images; raters who stopped early weigh in it as they do in the mean. The"
    " second is for other images, too: an analysis of variance with random"
    " raters and images. There is none where no image has two raters.",
    f"![Mean opinion scores]({BARS})",
    f"![How often each score was given]({DISTRIBUTION})",
    "Columns show how often each score was given; the mark is the mean.",
    "## Differences",
    _differences(analysis),
    "Wilcoxon signed-rank tests, two-sided, corrected by Holm's method for all"
    " pairs of a set: over the raters' mean differences, and, for 6 images or"
    " more, over the images'. Only what a rater gave both methods on an image"
    " is compared; where nobody did, there is no comparison.",
    "## Raters",
    _consistency(analysis),
    _raters(analysis),
  ]
  if analysis.collected.left_out:
    parts += [
      "## Files that were left out",
      _table(
        ("file", "reason"),
        [*analysis.collected.left_out.items()],
        2,
      ),
    ]
  return "\n\n".join(parts) + "\n"


def summary(analysis: analysis_lib.Analysis) -> str:
  """Says who has rated, and who is left out."""
  collected = analysis.collected
  total = len(analysis.study.items)
  complete = int((~np.isnan(collected.scores)).all(1).sum())
  left_out, outliers = len(analysis.left_out), len(analysis.outliers)
  said = f" and {left_out} are left out as outliers"
  if left_out < outliers:
    said = "; all are outliers by the rules, so nobody is left out"
  return (
    f"{len(collected.raters)} raters, of whom {complete} rated all {total}"
    f" items{said}"
  )


def _differences(analysis: analysis_lib.Analysis) -> str:
  rows = [
    (
      *(name, each.first, each.second),
      str(each.raters) if each.raters else "nobody rated both",
      "-" if each.mean is None else f"{each.mean:+.2f}",
      *(_p(each.p_raters), _p(each.p_images)),
    )
    for name, opinions in analysis.sets.items()
    for each in opinions.differences
  ]
  heads = (
    *("set", "method", "other", "raters of both", "difference"),
    *("p, raters", "p, images"),
  )
  return _table(heads, rows, 3)


def _consistency(analysis: analysis_lib.Analysis) -> str:
  lines = []
  again = analysis.retest
  if again:
    lines.append(
      f"- Images shown twice: {again.pairs} pairs of scores, mean difference"
      f" {again.difference:.2f}, equal {again.equal:.0%}, at most 1 apart"
      f" {again.within_one:.0%}, correlation {_number(again.correlation)}."
    )
  left_out = analysis.left_out
  related = [
    each.correlation
    for name, each in zip(
      analysis.collected.raters, analysis.raters, strict=True
    )
    if each.correlation is not None and name not in left_out
  ]
  if related:
    lines.append(
      f"- Correlation of a rater with the mean of the others:"
      f" {np.median(related):.2f} (median), {min(related):.2f} (lowest),"
      " without those who are left out."
    )
  for method, (told, mean) in analysis.anchors.items():
    lines.append(
      f"- Anchor {_escaped(method)}: raters were told {told}, and gave"
      f" {mean:.2f}."
    )
  lines.append(
    "- A rater is an outlier whose correlation with the mean of the others is"
    f" below {consistency.LEAST_CORRELATION}, whose scores are all the same, or"
    f" whose mean for HR is not {consistency.LEAST_GAP:g} above that for"
    f" nearest; of images shown twice the first scores count. With fewer than"
    f" {consistency.LEAST_RATERS} raters nobody is an outlier, and if all are,"
    " nobody is left out."
    " Whom ITU-R BT.500-13 rejects is named, but not left out: on a scale of"
    " whole numbers the rule rejects consistent raters, too."
  )
  return "\n".join(lines)


def _raters(analysis: analysis_lib.Analysis) -> str:
  rows = []
  for name, each in zip(
    analysis.collected.raters, analysis.raters, strict=True
  ):
    anchors = each.anchors and f"{each.anchors[0]:.1f}, {each.anchors[1]:.1f}"
    rows.append(
      (
        *(name[:8], each.ratings, _number(each.mean)),
        *(_number(each.correlation), _number(each.retest), anchors or "-"),
        *(f"{each.seconds:.1f}", "rejects" if each.bt500 else ""),
        "; ".join(each.reasons),
      )
    )
  heads = (
    *("rater", "ratings", "mean", "correlation", "retest difference"),
    *("nearest, HR", "median seconds", "BT.500", "outlier"),
  )
  return _table(heads, rows, 1)


def _table(heads, rows, num_names: int) -> str:
  """A Markdown table; columns after the first ones are aligned right."""
  lines = [
    heads,
    ["---" if i < num_names else "---:" for i in range(len(heads))],
    *rows,
  ]
  return "\n".join(
    "| " + " | ".join(_escaped(str(each)) for each in line) + " |"
    for line in lines
  )


def _escaped(text: str) -> str:
  """Text of others, which must not be Markdown or HTML."""
  text = cli.printable(text)
  for each in "\\|<>`*_[]":
    text = text.replace(each, f"\\{each}")
  return text


def _interval(interval: tuple[float, float] | None) -> str:
  return f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "-"


def _number(value: float | None) -> str:
  return "-" if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
  if value is None:
    return "-"
  return f"{value:.3f}" if value >= 0.001 else "< 0.001"
