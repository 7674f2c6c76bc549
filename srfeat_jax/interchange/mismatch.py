"""What is wrong with the arrays of a file, for the person who gave it."""

from collections.abc import Mapping

_NAMED = 5  # how many names of a kind are listed


def describe(
  found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> str:
  """Lists missing, unexpected and misshapen names.

  Args:
    found: shapes by name.
    expected: likewise.

  Returns:
    Part of a sentence; empty if names and shapes agree.
  """
  problems = {
    "missing": sorted(expected.keys() - found.keys()),
    "unexpected": sorted(found.keys() - expected.keys()),
    "of another shape": [
      f"{name} {tuple(found[name])} instead of {tuple(expected[name])}"
      for name in sorted(found.keys() & expected.keys())
      if tuple(found[name]) != tuple(expected[name])
    ],
  }
  return "; ".join(
    f"{len(names)} {kind}: {', '.join(names[:_NAMED])}"
    + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    for kind, names in problems.items()
    if names
  )
