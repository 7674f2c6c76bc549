"""The tables of a report, as text by cell."""

import collections
import dataclasses
import math
import shlex
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from srfeat_jax.evaluation import columns
from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.reporting import sources as sources_lib

# Of `evaluate`, what comes first; the rest is out of sight at first.
_MAIN = (
  *("psnr_y", "ssim_y", "psnr_rgb", "ms_ssim_y", "lpips", "niqe", "dists"),
  *("pi", sources_lib.SPEED),
)
_SPEED = "megapixels a second"
_MANY_ROWS = 20  # are out of sight at first


@dataclasses.dataclass(frozen=True)
class Table:
  """A table.

  Attributes:
    title: above it.
    note: below it, "" for none.
    header: the first column is of names, the others of numbers.
    rows: as wide as the header.
    best: row and column of the best values.
    folded: whether it is out of sight at first.
    is_text: whether its columns are text, not numbers.
  """

  title: str
  note: str
  header: Sequence[str]
  rows: Sequence[Sequence[str]]
  best: Sequence[tuple[int, int]] = ()
  folded: bool = False
  is_text: bool = False


def of_runs(sources: sources_lib.Sources, metric: str) -> Table | None:
  """What runs were started with, where they differ, and their scores."""
  if not sources.runs:
    return None
  header, rows = runs_lib.rows(sources.runs, metric)
  rows = [[sources.titles.get(row[0], row[0]), *row[1:]] for row in rows]
  return Table(
    "Runs",
    f"Scores are {metric} of the validations.",
    header,
    rows,
  )


def of_results(
  results: Sequence[sources_lib.Results], metric: str
) -> list[Table]:
  """For each folder of results a table of a few metrics, and one of all.

  Args:
    results: what `evaluate` wrote.
    metric: which is among the few in any case.
  """
  tables = []
  for result in results:
    note = f"Protocol: {result.protocol}."
    if result.lpips:
      note += f" LPIPS: {result.lpips}."
    metrics = list(
      dict.fromkeys(
        each
        for sets in result.methods.values()
        for scores in sets.values()
        for each in scores
        if each != "images"
      )
    )
    main = [
      each
      for each in metrics
      if each in (*_MAIN, metric) or each.startswith("lpips_")
    ]
    tables.append(_means(result, f"Evaluated: {result.name}", note, main))
    if main != metrics:
      title = f"All metrics of {result.name}"
      tables.append(_means(result, title, "", metrics, folded=True))
    if result.published:
      tables.append(_published(result))
  return tables


def _means(
  result: sources_lib.Results,
  title: str,
  note: str,
  metrics: Sequence[str],
  *,
  folded: bool = False,
) -> Table:
  rows: list[list[str]] = []
  best: list[tuple[int, int]] = []
  set_names = dict.fromkeys(
    name for sets in result.methods.values() for name in sets
  )
  for set_name in set_names:
    methods = {
      method: sets[set_name]
      for method, sets in result.methods.items()
      if set_name in sets
    }
    for column, metric in enumerate(metrics, start=1):
      values = [each.get(metric, math.nan) for each in methods.values()]
      sign = columns.of(metric).better
      if sign and len(values) > 1 and not all(map(math.isnan, values)):
        signed = [
          sign * value if not math.isnan(value) else -math.inf
          for value in values
        ]
        best.append((len(rows) + signed.index(max(signed)), column))
    for method, scores in methods.items():
      count = len(scores["images"])
      rows.append(
        [
          f"{set_name} ({count}), {result.titles[method]}",
          *(_cell(metric, scores.get(metric)) for metric in metrics),
        ]
      )
  titles = [_SPEED if each == sources_lib.SPEED else each for each in metrics]
  header = ["set (images), method", *titles]
  return Table(title, note, header, rows, best, folded)


def _cell(metric: str, value: float | None) -> str:
  """As `columns.cell`; the speed as in the tables of `evaluate`."""
  if metric == sources_lib.SPEED and value is not None:
    return f"{value:.2f}"
  return columns.cell(metric, value)


def _published(result: sources_lib.Results) -> Table:
  rows = [
    [f"{set_name}, {method}", _listed(scores), protocol, source]
    for method, protocol, source, set_name, scores in result.published
  ]
  header = ["set, method", "scores", "protocol", "source"]
  note = "Not measured here: a protocol may differ more than two methods."
  title = "Published scores"
  return Table(title, note, header, rows, folded=True, is_text=True)


def _listed(scores: Mapping[str, float]) -> str:
  return ", ".join(
    f"{name} {columns.cell(name, value)}" for name, value in scores.items()
  )


def of_settings(runs: Sequence[runs_lib.Run]) -> list[Table]:
  """The fields in which runs differ, and all fields."""
  tables = []
  if differing := runs_lib.differing(runs):
    header, rows = runs_lib.settings(runs, differing)
    title = f"Where the runs differ: {len(rows)} fields"
    folded = len(rows) > _MANY_ROWS
    tables.append(Table(title, "", header, rows, folded=folded))
  if runs:
    fields = list(dict.fromkeys(name for run in runs for name in run.config))
    header, rows = runs_lib.settings(runs, fields)
    tables.append(Table("All fields", "", header, rows, folded=True))
  return tables


def of_changes(sources: sources_lib.Sources) -> Table | None:
  """What changed in configs when runs were resumed."""
  rows = [
    [title, str(step), field, f"{was}", f"{now}"]
    for name, changes in sources.changes.items()
    for title in [sources.titles[name]]
    for step, field, was, now in changes
  ]
  if not rows:
    return None
  return Table(
    "Changed when a run was resumed",
    "",
    ["run", "at step", "field", "was", "is"],
    rows,
    folded=True,
  )


def of_throughput(sources: sources_lib.Sources) -> Table | None:
  """Speeds that runs have logged: medians."""
  rows = []
  for run in sources.runs:
    values = {
      name: run.curves.get(f"speed/{name}", ([], []))[1]
      for name in ("images_per_second", "steps_per_second", "data_wait_share")
    }
    if not values["images_per_second"]:
      continue
    images, steps, waiting = (
      statistics.median(each) if each else math.nan for each in values.values()
    )
    seconds = run.seconds() or 0.0
    rows.append(
      [
        sources.titles[run.name],
        f"{images:.3g}",
        f"{steps:.3g}",
        f"{waiting:.1%}",
        f"{seconds / 3600:.2f}",
      ]
    )
  if not rows:
    return None
  return Table(
    "Throughput",
    "Medians of what was logged, without validation and saving.",
    ["run", "HR crops a second", "steps a second", "waiting for data", "hours"],
    rows,
  )


def of_hardware(sources: sources_lib.Sources) -> Table | None:
  """Versions, devices and command lines: a row each, a column a run."""
  if not sources.environments:
    return None
  environments = sources.environments
  described = {
    name: _environment(environment)
    for name, environment in environments.items()
  }
  labels = dict.fromkeys(label for each in described.values() for label in each)
  rows = [
    [label, *(each.get(label, "") for each in described.values())]
    for label in labels
  ]
  header = ["", *(sources.titles[name] for name in described)]
  return Table("Versions and hardware", "", header, rows)


def _environment(environment: Mapping[str, Any]) -> dict[str, str]:
  """What `environment.json` says, in words; other versions may say less."""
  found: dict[str, str] = {}
  for name, value in environment.items():
    match name, value:
      case "devices", list():
        counts = collections.Counter(map(str, value))
        found[name] = ", ".join(f"{n} x {kind}" for kind, n in counts.items())
      case "command", _:
        pass
      case "packages", dict():
        found |= {str(key): str(each) for key, each in value.items()}
      case _, dict():
        found |= {f"{name} of {key}": str(each) for key, each in value.items()}
      case _:
        found[name] = str(value)
  return found


def commands(sources: sources_lib.Sources) -> list[tuple[str, str]]:
  """The title of each run that tells it, and its command line."""
  return [
    (sources.titles[name], shlex.join(map(str, environment["command"])))
    for name, environment in sources.environments.items()
    if isinstance(environment.get("command"), list)
  ]
