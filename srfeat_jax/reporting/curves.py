"""What runs have logged over their steps, as charts."""

import dataclasses
import itertools
from collections.abc import Container, Mapping, Sequence
from typing import Any

from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.reporting import charts

_REAL, _FAKE = "_real", "_fake"
_BATCH_NORM = "generator.batch_norm"
# What runs that are compared have in common: fields, and groups of them.
_ALIKE = (
  *("num_steps", "batch_size", "crop_size", "data.train", "teacher"),
  *("teacher_share", "discriminator_steps", "vgg_preprocessing"),
)
_ALL_ALIKE = ("generator.", "discriminators.", "losses.", "degradation.")
# Of the generator, what goes along with BatchNorm.
_OF_BATCH_NORM = (
  *(_BATCH_NORM, "generator.block_bias", "generator.skip_bias"),
  *("generator.initializer", "generator.after_trunk"),
)
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
      "Runs alike in steps, batches, data, network, losses, discriminators, and"
      " in whether they start from weights. Dashed: bicubic.",
      _with_and_without(runs, titles, first),
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


def _with_and_without(
  runs: Sequence[runs_lib.Run], titles: Mapping[str, str], names: Sequence[str]
) -> list[charts.Chart]:
  """Charts of runs that compare, none if all of the others show the same."""
  kinds = _paired(runs)
  found = []
  for kind in kinds:
    if len(kind) == len(runs):
      break
    ours = ", ".join(titles[run.name] for run in runs if run.name in kind)
    found += [
      dataclasses.replace(chart, title=f"{chart.title}: {ours}")
      if len(kinds) > 1
      else chart
      for chart in _charts(runs, titles, names, kind)
    ]
  return found


def _paired(runs: Sequence[runs_lib.Run]) -> list[set[str]]:
  """Names of runs with and without BatchNorm, those of each kind apart."""
  kinds: list[list[runs_lib.Run]] = []
  for run in runs:
    if not isinstance(run.config.get(_BATCH_NORM), bool) or not run.curves:
      continue
    for kind in kinds:
      if _kind(run.config) == _kind(kind[0].config):
        kind.append(run)
        break
    else:
      kinds.append([run])
  return [
    {run.name for run in kind}
    for kind in kinds
    if len({run.config[_BATCH_NORM] for run in kind}) > 1
  ]


def _kind(config: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
  """What is alike in runs whose difference may be that of BatchNorm.

  Rates, optimizers and initial values may be those that suit each of them, and
  the weights to start from are others, with BatchNorm and without. A field that
  only one of them has, which is of another version, must be off.
  """
  return bool(config.get("init_from")), {
    field: value
    for field, value in config.items()
    if value
    and (field in _ALIKE or field.startswith(_ALL_ALIKE))
    and field not in _OF_BATCH_NORM
  }


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
