"""Results as a table for LaTeX, which needs the package booktabs alone.

The best of the measured values of each set is bold. Published values, which
others measured, follow those of their set, are bold in no case, and have a mark
for each protocol, which lines at the end name. Their sources are in comments.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from srfeat_jax.evaluation import columns

_SPECIAL = {
  "\\": r"\textbackslash{}",
  "~": r"\textasciitilde{}",
  "^": r"\textasciicircum{}",
  "<": r"\textless{}",  # in LaTeX's own fonts < > | are other characters
  ">": r"\textgreater{}",
  "|": r"\textbar{}",
  # After the end of a row, and after a rule, these begin an option.
  "[": "{[}",
  "*": "{*}",
} | {each: f"\\{each}" for each in "&%$#_{}"}
_MARKS = (r"\dagger", r"\ddagger", r"\S", r"\P", r"\|")  # of protocols
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
    published: see `published.rows`; of these the columns that are in `metrics`,
      and a mark for each protocol.
    note: for a comment above the table.
  """
  sets = next(iter(methods.values()))
  heads = [
    _escaped(columns.of(each).label) + _ARROWS[columns.of(each).better]
    for each in metrics
  ]
  published = [
    row
    for row in published
    if any(
      metric in row["sets"].get(name, {}) for name in sets for metric in metrics
    )
  ]
  protocols = list(dict.fromkeys(row["protocol"] for row in published))
  marks = {protocol: _mark(i) for i, protocol in enumerate(protocols)}
  lines = [f"% {line}" for line in note.splitlines()]
  lines += [
    f"% {row['method']} (published; {row['protocol']}): {row['source']}"
    for row in published
  ]
  lines += [
    r"\begin{tabular}{ll" + "r" * len(metrics) + "}",
    r"\toprule",
    _row(["Set", "Method", *heads]),
  ]
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
        cells = [_cell(each, scores.get(each)) for each in metrics]
        method = _escaped(row["method"]) + marks[row["protocol"]]
        lines.append(_row(["", method, *cells]))
  lines.append(r"\bottomrule")
  for protocol, mark in marks.items():
    text = f"{mark} published by others; protocol: {_escaped(protocol)}"
    lines.append(rf"\multicolumn{{{len(metrics) + 2}}}{{l}}{{{text}}} \\")
  lines.append(r"\end{tabular}")
  return "\n".join(lines) + "\n"


def _mark(index: int) -> str:
  sign = _MARKS[index % len(_MARKS)] * (index // len(_MARKS) + 1)
  return f"$^{{{sign}}}$"


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
  return "".join(_SPECIAL.get(each, each) for each in text)
