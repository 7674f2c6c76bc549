"""Results as a table for LaTeX, which needs the package booktabs alone.

The best of the measured values of each set is bold. Published values, which
others measured, follow those of their set, marked by a dagger, and are bold in
no case.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from srfeat_jax.evaluation import columns

_SPECIAL = {
  "\\": r"\textbackslash{}",
  "~": r"\textasciitilde{}",
  "^": r"\textasciicircum{}",
} | {each: f"\\{each}" for each in "&%$#_{}"}
_ARROWS = {
  columns.HIGHER: r" $\uparrow$",
  columns.LOWER: r" $\downarrow$",
  columns.NEITHER: "",
}


def table(
  methods: Mapping[str, Mapping[str, Any]],
  metrics: Sequence[str],
  published: Sequence[Mapping[str, Any]] = (),
  note: str = "",
) -> str:
  """Writes a `tabular`, to be included by a document.

  Args:
    methods: by name, the sets of each, see `evaluator.evaluate`.
    metrics: the columns.
    published: see `published.rows`; of these the columns that are in `metrics`.
    note: for a comment above the table.
  """
  sets = next(iter(methods.values()))
  heads = [
    _escaped(columns.of(each).label) + _ARROWS[columns.of(each).better]
    for each in metrics
  ]
  lines = [f"% {line}" for line in note.splitlines()]
  lines += [
    r"\begin{tabular}{ll" + "r" * len(metrics) + "}",
    r"\toprule",
    _row(["Set", "Method", *heads]),
  ]
  used = False
  for name in sets:
    lines.append(r"\midrule")
    best = {metric: _best(methods, name, metric) for metric in metrics}
    first = _escaped(name)
    for method, of_method in methods.items():
      values = [of_method[name].get(metric) for metric in metrics]
      cells = [
        _bold(text) if value is not None and value == best[metric] else text
        for metric, value in zip(metrics, values, strict=True)
        for text in [_cell(metric, value)]
      ]
      lines.append(_row([first, _escaped(method), *cells]))
      first = ""
    for row in published:
      scores = row["sets"].get(name, {})
      if any(metric in scores for metric in metrics):
        used = True
        cells = [_cell(each, scores.get(each)) for each in metrics]
        lines.append(
          _row(["", _escaped(row["method"]) + r"$^\dagger$", *cells])
        )
  lines.append(r"\bottomrule")
  if used:
    text = r"$^\dagger$ published by others, in their protocols"
    lines.append(rf"\multicolumn{{{len(metrics) + 2}}}{{l}}{{{text}}} \\")
  lines.append(r"\end{tabular}")
  return "\n".join(lines) + "\n"


def _best(methods, name: str, metric: str) -> float | None:
  """The best of several measured values, if one is best."""
  values = [
    value
    for sets in methods.values()
    if (value := sets[name].get(metric)) is not None and math.isfinite(value)
  ]
  better = columns.of(metric).better
  if len(values) < 2 or better == columns.NEITHER:
    return None
  return max(values) if better == columns.HIGHER else min(values)


def _cell(metric: str, value: float | None) -> str:
  text = columns.cell(metric, value)
  return {"-": "--", "inf": r"$\infty$"}.get(text, text)


def _row(cells: Sequence[str]) -> str:
  return " & ".join(cells) + r" \\"


def _bold(text: str) -> str:
  return rf"\textbf{{{text}}}"


def _escaped(text: str) -> str:
  return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL[found[0]], text)
