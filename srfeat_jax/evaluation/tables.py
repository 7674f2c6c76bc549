"""Tables of text as plain text, Markdown and CSV.

A table is a list of rows of cells, the header first.
"""

import csv
import io
from collections.abc import Sequence

Table = Sequence[Sequence[str]]


def plain(table: Table, names: int = 2) -> str:
  """Aligns columns for a screen, numbers to the right.

  Args:
    table: the cells.
    names: how many columns from the left hold names, which are aligned left.
  """
  widths = [max(map(len, column)) for column in zip(*table, strict=True)]
  header, *rows = table
  lines = []
  for row in (header, ["-" * width for width in widths], *rows):
    cells = [
      text.ljust(width) if i < names else text.rjust(width)
      for i, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    lines.append("  ".join(cells).rstrip())
  return "\n".join(lines)


def markdown(table: Table, names: int = 2) -> str:
  """As `plain`, for Markdown."""
  header, *rows = [[text.replace("|", "\\|") for text in row] for row in table]
  rule = ["---"] * names + ["---:"] * (len(header) - names)
  return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def comma_separated(table: Table) -> str:
  """As CSV (RFC 4180), but with line feeds alone."""
  buffer = io.StringIO()
  csv.writer(buffer, lineterminator="\n").writerows(table)
  return buffer.getvalue()
