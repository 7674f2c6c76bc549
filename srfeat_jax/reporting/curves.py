"""What runs have logged over their steps, as charts."""

import dataclasses
import itertools
from collections.abc import Container, Mapping, Sequence

from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.reporting import charts

_REAL, _FAKE = "_real", "_fake"
_DASHES = ("", "7 3", "2 3")  # once all colors are taken


@dataclasses.dataclass(frozen=True)
class Group:
  """Charts under one heading.

  Attributes:
    title: the heading.
    note: a sentence about all of them, "" if there is nothing to say.
    charts: at least one.
    folded: whether they are out of sight at first.
  """

  title: str
  note: str
  charts: Sequence[charts.Chart]
  folded: bool = False


def groups(
  runs: Sequence[runs_lib.Run], titles: Mapping[str, str], metric: str
) -> list[Group]:
  """All curves of the runs.

  Args:
    runs: what they have logged.
    titles: how runs are called in the charts, by their names.
    metric: the score whose curves come first, such as "psnr_y".
  """
  logged = list(dict.fromkeys(name for run in runs for name in run.curves))
  scores = [
    name
    for name in logged
    if name.startswith("eval/") and not name.endswith(runs_lib.BICUBIC)
  ]
  first = runs_lib.scores(runs, metric)
  probabilities = [
    name.removesuffix(_REAL)
    for name in logged
    if name.startswith("probability/") and name.endswith(_REAL)
  ]
  found = [
    Group(
      f"Validation, {metric}",
      "Dashed: bicubic.",
      _charts(runs, titles, first),
    ),
    Group(
      "With BatchNorm and without",
      "Runs of the same number of steps. Dashed: bicubic.",
      _charts(runs, titles, first, _paired(runs)),
    ),
    Group(
      "Losses",
      "As they are logged, before their weights; logarithmic scale.",
      _charts(runs, titles, [n for n in logged if n.startswith("loss/")]),
    ),
    Group(
      "Discriminators",
      "Probability of being real. Solid: of real images; dotted: of the"
      " generator's. Both near 1/2: they cannot be told apart; 1 and 0: the"
      " discriminator has won.",
      [
        chart
        for name in probabilities
        if (chart := _probability(runs, titles, name)) is not None
      ],
    ),
    Group(
      "Other scores",
      "Dashed: bicubic.",
      _charts(runs, titles, [n for n in scores if n not in first]),
      folded=True,
    ),
    Group(
      "Learning rates, gradient norms, speed",
      "",
      _charts(
        *(runs, titles),
        [
          name
          for name in logged
          if name.startswith(("learning_rate/", "gradient_norm/", "speed/"))
        ],
      ),
      folded=True,
    ),
  ]
  return [group for group in found if group.charts]


def _paired(runs: Sequence[runs_lib.Run]) -> set[str]:
  """Names of runs with and without BatchNorm that are as long as each other.

  None if these are all runs, whose curves are together anyway.
  """
  lengths: dict[bool, set] = {True: set(), False: set()}
  for run in runs:
    norm = run.config.get("generator.batch_norm")
    if isinstance(norm, bool):
      lengths[norm].add(run.config.get("num_steps"))
  both = lengths[True] & lengths[False]
  found = {run.name for run in runs if run.config.get("num_steps") in both}
  return found if len(found) < len(runs) else set()


def _charts(
  runs: Sequence[runs_lib.Run],
  titles: Mapping[str, str],
  names: Sequence[str],
  only: Container[str] | None = None,
) -> list[charts.Chart]:
  found = []
  for name in names:
    series = [
      _series(run, i, titles, name)
      for i, run in enumerate(runs)
      if name in run.curves and (only is None or run.name in only)
    ]
    if not series:
      continue
    baselines = [
      run.curves[name + runs_lib.BICUBIC][1][-1]
      for run in runs
      if name + runs_lib.BICUBIC in run.curves
    ]
    if baselines:
      steps = list(itertools.chain(*(each.x for each in series)))
      series.insert(0, charts.constant("bicubic", baselines[0], steps))
    chart = charts.lay_out(
      name.removeprefix("eval/").removeprefix("loss/"),
      series,
      logarithmic=name.startswith(("loss/", "gradient_norm/")),
    )
    if chart:
      found.append(chart)
  return found


def _probability(
  runs: Sequence[runs_lib.Run], titles: Mapping[str, str], name: str
) -> charts.Chart | None:
  series = [
    dataclasses.replace(
      _series(run, i, titles, name + kind),
      name=f"{titles[run.name]}, D({kind[1:]})",
      dash=dash,
    )
    for i, run in enumerate(runs)
    for kind, dash in ((_REAL, ""), (_FAKE, "2 3"))
    if name + kind in run.curves
  ]
  title = f"{name.removeprefix('probability/')} discriminator"
  return charts.lay_out(title, series, y_range=(0, 1))


def _series(
  run: runs_lib.Run, i: int, titles: Mapping[str, str], name: str
) -> charts.Series:
  dash = _DASHES[i // charts.COLORS % len(_DASHES)]
  return charts.Series(titles[run.name], *run.curves[name], i, dash)
