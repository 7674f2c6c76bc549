"""Training runs side by side: what they were started with, and how they did.

Of each workdir `config.json` and `metrics.jsonl` are read, so a run may be
under way, on another machine, or gone but for these two files.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.evaluation import columns

MOST_COLUMNS = 6  # of fields that differ
BICUBIC = "_bicubic"  # the end of the names of bicubic's scores
# What Python raises for damaged JSON, and for numbers that it cannot hold.
_DAMAGED = (ValueError, TypeError, OverflowError, RecursionError)
# Fields that say where files are and how often something is written.
_NOT_SETTINGS = (
  *("log_every", "eval_every", "checkpoint_every", "keep_checkpoints"),
  *("data.num_workers", "data.cache_gib"),
)


@dataclasses.dataclass(frozen=True)
class Run:
  """What a workdir tells.

  Attributes:
    name: of the run: the end of the workdir, as much as tells it from others.
    config: its fields, their names joined by dots.
    curves: steps and values of each number that was logged, by its name; empty
      if the run has just begun.
    remarks: sentences about what its logs lack.
  """

  name: str
  config: Mapping[str, Any]
  curves: Mapping[str, tuple[list[int], list[float]]]
  remarks: Sequence[str] = ()

  @property
  def last_step(self) -> int:
    """The last step that was logged; 0 if there is none yet."""
    return max((steps[-1] for steps, _ in self.curves.values()), default=0)

  def seconds(self) -> float | None:
    """The time that training took, validation apart; None if not logged."""
    steps, rates = self.curves.get("speed/steps_per_second", ([], []))
    if not steps:
      return None
    before = [0, *steps[:-1]]
    return sum(
      (step - previous) / rate
      for step, previous, rate in zip(steps, before, rates, strict=True)
    )


def load(workdirs: Sequence[str]) -> list[Run]:
  """Reads runs.

  Args:
    workdirs: of at least one run.

  Raises:
    errors.InputError: one of them is not the workdir of a run, or its log
      cannot be read.
  """
  paths = [pathlib.Path(each).absolute() for each in workdirs]
  return [
    Run(
      _name(path, paths),
      _config(path / "config.json"),
      *_logged(path / "metrics.jsonl"),
    )
    for path in paths
  ]


def _name(path: pathlib.Path, paths: Sequence[pathlib.Path]) -> str:
  """The last parts of a path, as few as tell it from all others."""
  for count in range(1, len(path.parts)):
    last = path.parts[-count:]
    if [each.parts[-count:] for each in paths].count(last) == 1:
      return "/".join(last)
  return str(path)


def differing(runs: Sequence[Run]) -> list[str]:
  """The fields that not all runs have alike, in the order of the configs.

  Fields that do not touch what is learned, such as `log_every`, are left out.
  """
  fields = dict.fromkeys(name for run in runs for name in run.config)
  return [
    field
    for field in fields
    if field not in _NOT_SETTINGS
    and len({json.dumps(run.config.get(field)) for run in runs}) > 1
  ]


def scores(runs: Sequence[Run], metric: str) -> list[str]:
  """The names under which a metric was logged, such as `eval/set5/psnr_y`."""
  return [
    name
    for name in dict.fromkeys(name for run in runs for name in run.curves)
    if name.startswith("eval/") and name.endswith(f"/{metric}")
  ]


def table(runs: Sequence[Run], metric: str = "psnr_y") -> str:
  """The rows of `rows` as a Markdown table."""
  return _markdown(*rows(runs, metric))


def rows(
  runs: Sequence[Run], metric: str = "psnr_y"
) -> tuple[list[str], list[list[str]]]:
  """A header, and a row for each run.

  Its columns are the fields that differ, unless they are too many and stand in
  `settings`, the last step, the last and the best
  score on each set with the step of the best, the last loss, and the time.

  Args:
    runs: at least one.
    metric: of `evaluation.protocol`; see `columns` for which way is better.
  """
  fields = differing(runs)
  if len(fields) > MOST_COLUMNS:
    fields = []
  names = scores(runs, metric)
  losses = [name for name in ("loss/pixel",) if any_has(runs, name)]
  header = ["run", *(_short(field, fields) for field in fields), "steps"]
  for name in names:
    header += [f"{name.split('/')[1]}, last", "best (step)"]
  header += [*losses, "time"]
  found = []
  for run in runs:
    row = [run.name, *(_shown(run.config.get(field)) for field in fields)]
    row.append(f"{run.last_step}/{run.config.get('num_steps', '?')}")
    for name in names:
      row += _last_and_best(run, name, metric)
    row += [
      f"{run.curves[name][1][-1]:.4g}" if name in run.curves else ""
      for name in losses
    ]
    row.append(_duration(run.seconds()))
    found.append(row)
  baselines = _baselines(runs, names)
  if baselines:
    row = ["bicubic", *[""] * (len(fields) + 1)]
    for name in names:
      row += [f"{baselines[name]:.2f}" if name in baselines else "", ""]
    found.append(row + [""] * (len(losses) + 1))
  return header, found


def settings(
  runs: Sequence[Run], fields: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
  """A header, and a row for each field: its value in each run, - for none."""
  return ["field", *(run.name for run in runs)], [
    [
      field,
      *(
        _shown(run.config[field]) if field in run.config else "-"
        for run in runs
      ),
    ]
    for field in fields
  ]


def any_has(runs: Sequence[Run], name: str) -> bool:
  """Whether any of the runs has logged a number."""
  return any(name in run.curves for run in runs)


def _last_and_best(run: Run, name: str, metric: str) -> list[str]:
  if name not in run.curves:
    return ["", ""]
  steps, values = run.curves[name]
  digits = 2 if metric.startswith("psnr") else 4
  known = [i for i, value in enumerate(values) if not math.isnan(value)]
  less = metric == "checkerboard" or columns.of(metric).better == columns.LOWER
  best = (min if less else max)(known or [-1], key=values.__getitem__)
  return [
    f"{values[-1]:.{digits}f}",
    f"{values[best]:.{digits}f} ({steps[best]})",
  ]


def _baselines(runs: Sequence[Run], names: Sequence[str]) -> dict[str, float]:
  """Bicubic's scores, of the first run that has them."""
  found = {}
  for name in names:
    for run in runs:
      if name + BICUBIC in run.curves:
        found.setdefault(name, run.curves[name + BICUBIC][1][-1])
  return found


def _config(path: pathlib.Path) -> dict[str, Any]:
  try:
    config = json.loads(path.read_text())
    if not isinstance(config, dict):
      raise TypeError("expected the fields of a config")
    return traverse_util.flatten_dict(config, sep=".")
  except (OSError, *_DAMAGED) as error:
    raise errors.InputError(
      f"{path.parent} is not the workdir of a run: {path.name} cannot be read"
      f" ({error}); name folders that were given as --workdir"
    ) from error


def _logged(
  path: pathlib.Path,
) -> tuple[dict[str, tuple[list[int], list[float]]], list[str]]:
  """The curves in a log, and sentences about what it lacks.

  Half a line at its end is not worth one: it is being written, or was when the
  run was killed.
  """
  begins = "the run logs its first after config.log_every steps"
  try:
    text = path.read_text()
  except FileNotFoundError:
    return {}, [f"{path} is not there yet: {begins}"]
  except (OSError, UnicodeDecodeError) as error:
    raise errors.InputError(f"{path} cannot be read: {error}") from error
  curves: dict[str, tuple[list[int], list[float]]] = {}
  lines = [line for line in text.splitlines() if line.strip()]
  damaged = 0
  for i, line in enumerate(lines, start=1):
    try:
      step, numbers, is_whole = _numbers(line)
    except _DAMAGED:
      damaged += i < len(lines) or text.endswith("\n")
      continue
    damaged += not is_whole
    for name, value in numbers.items():
      steps, values = curves.setdefault(name, ([], []))
      steps.append(step)
      values.append(value)
  remarks = []
  if damaged:
    remarks.append(
      f"{path}: {damaged} of {len(lines)} lines could not be used, or not all"
      " of each: they are no JSON, or lack a step, or have something else in"
      " the place of a number"
    )
  if not curves:
    remarks.append(f"{path} holds no numbers yet: {begins}")
  return curves, remarks


def _numbers(line: str) -> tuple[int, dict[str, float], bool]:
  """Step and numbers of a line, and whether there is nothing else in it.

  Raises:
    One of `_DAMAGED`: there is no step to which numbers would belong.
  """
  scalars = json.loads(line)
  if not isinstance(scalars, dict) or not _is_number(scalars.get("step")):
    raise TypeError("expected a step and numbers by name")
  step = int(scalars.pop("step"))
  numbers = {
    name: float(value) for name, value in scalars.items() if _is_number(value)
  }
  return step, numbers, len(numbers) == len(scalars)


def _is_number(value: Any) -> bool:
  return isinstance(value, int | float) and not isinstance(value, bool)


def _short(field: str, fields: Sequence[str]) -> str:
  """The last part of a field's name, or all of it if that is ambiguous."""
  last = field.rpartition(".")[2]
  alike = [each for each in fields if each.rpartition(".")[2] == last]
  return last if len(alike) == 1 else field


def _shown(value: Any) -> str:
  match value:
    case None:
      return ""
    case float():
      return f"{value:g}"
    case list():
      return ", ".join(map(_shown, value)) or "none"
  return str(value)


def _duration(seconds: float | None) -> str:
  if seconds is None:
    return ""
  minutes = round(seconds / 60)
  if minutes < 2:
    return f"{seconds:.0f} s"
  return f"{minutes // 60}:{minutes % 60:02} h"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
  """Aligned also as plain text; numbers to the right."""
  rows = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
  widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
  lines = [
    [
      cell.rjust(width) if i else cell.ljust(width)
      for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    for row in rows
  ]
  rule = [
    "-" * (width - 1) + (":" if i else "-") for i, width in enumerate(widths)
  ]
  return "\n".join(
    f"| {' | '.join(row)} |" for row in (lines[0], rule, *lines[1:])
  )
