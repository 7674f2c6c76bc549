"""The perception-distortion plane (Blau & Michaeli 2018): LPIPS over PSNR.

There is one for each set, each backbone of LPIPS and each protocol, for what
two of them measure does not compare.
"""

import itertools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from srfeat_jax.evaluation import protocol as protocols
from srfeat_jax.evaluation import published
from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.reporting import charts
from srfeat_jax.reporting import sources as sources_lib

_X, _Y = "psnr_y", "lpips"
# A plane: the set, in lower case; the backbone, "" where nothing says it; and
# the protocol, "" for that of published points, which runs and sweeps have.
_Plane = tuple[str, str, str]


def planes(
  sources: sources_lib.Sources, titles: Mapping[str, str]
) -> list[charts.Chart]:
  """A chart for each set on which LPIPS was measured, backbone and protocol.

  Args:
    sources: runs, whose validations make a line, results and sweeps.
    titles: how runs are called, by their names.
  """
  found: dict[_Plane, list[charts.Series]] = {}
  for i, run in enumerate(sources.runs):
    backbone = sources.backbones.get(run.name, "")
    for set_name, series in _of_run(run, i, titles[run.name]):
      found.setdefault((set_name, backbone, ""), []).append(series)
  for plane, series in found.items():
    series += _baseline(sources, plane)
  colors = _colors(sources)
  for result in sources.results:
    for method, sets in result.methods.items():
      for set_name, scores in sets.items():
        for backbone, lpips in _lpips(result, scores):
          neutral = method == sources_lib.BICUBIC
          plane = set_name.lower(), backbone, _protocol(result)
          found.setdefault(plane, []).append(
            charts.Series(
              *(result.titles[method], [scores[_X]], [lpips]),
              charts.NEUTRAL if neutral else colors[method],
              labels=[result.titles[method]],
              joined=False,
            )
          )
  for i, sweep in enumerate(sources.sweeps):
    for set_name in dict.fromkeys(point["set"] for point in sweep.points):
      points = [point for point in sweep.points if point["set"] == set_name]
      found.setdefault((set_name.lower(), sweep.backbone, ""), []).append(
        charts.Series(
          f"{sweep.name}, interpolation by alpha",
          [point[_X] for point in points],
          [point[_Y] for point in points],
          colors[i],
          labels=[f"{point['alpha']:g}" for point in points],
        )
      )
  planes = []
  for plane, series in sorted(found.items(), key=_place(found)):
    set_name, backbone, protocol = plane
    title, anchors = _published(set_name)
    if protocol:
      title, anchors = f"{title}, {protocol}", []
    chart = charts.lay_out(
      f"{title}: LPIPS ({backbone or 'backbone not known'}) over PSNR of Y, dB",
      [*anchors, *series],
      x_title="PSNR of Y",
    )
    if chart:
      planes.append(chart)
  return planes


def _place(found: Mapping[_Plane, Sequence]):
  """A key to sort planes by: those of a set beside each other."""
  sets = list(dict.fromkeys(set_name for set_name, *_ in found))
  return lambda each: sets.index(each[0][0])


def _colors(sources: sources_lib.Sources) -> dict[str | int, int]:
  """Colors of methods by their names, and of sweeps by their indices.

  A run's weights have the run's color, all others those that runs lack; if
  these are too few, those of runs that are in no plane. They are the same in
  all planes.
  """
  methods = dict.fromkeys(
    method
    for result in sources.results
    for method in result.methods
    if method != sources_lib.BICUBIC
  )
  of_runs = {method: _run_of(sources, method) for method in methods}
  shown = {
    i % charts.COLORS
    for i, run in enumerate(sources.runs)
    if i in of_runs.values()
    or any(name.endswith(f"/{_Y}") for name in run.curves)
  }
  count = len(sources.runs)
  free = [i for i in range(charts.COLORS) if i not in shown]
  free.sort(key=lambda i: i < count)
  free = free or list(range(charts.COLORS))
  # Above all runs, for a click on a run's name hides what is of it.
  above = -(-count // charts.COLORS) * charts.COLORS
  colors: dict[str | int, int] = {}
  others = itertools.count()
  for each in (*methods, *range(len(sources.sweeps))):
    run = of_runs.get(each) if isinstance(each, str) else None
    if run is None:
      run = above + free[next(others) % len(free)]
    colors[each] = run
  return colors


def _run_of(sources: sources_lib.Sources, method: str) -> int | None:
  """Which run's workdir a method names, or a file in it; None for none."""
  path = pathlib.PurePath(os.path.normpath(method))
  if path.name in sources_lib.OF_RUNS:
    path = path.parent
  parts = [part for part in path.parts if part != os.pardir]
  found = [
    i
    for i, run in enumerate(sources.runs)
    if parts
    and list(sources.workdirs[run.name].absolute().parts[-len(parts) :])
    == parts
  ]
  return found[0] if len(found) == 1 else None


def _of_run(
  run: runs_lib.Run, color: int, title: str
) -> list[tuple[str, charts.Series]]:
  found = []
  for name in run.curves:
    if name.startswith("eval/") and name.endswith(f"/{_Y}"):
      place = name.removesuffix(_Y)
      lpips = dict(zip(*run.curves[name], strict=True))
      psnr = dict(zip(*run.curves.get(place + _X, ((), ())), strict=True))
      steps = sorted(lpips.keys() & psnr.keys())
      if steps:
        series = charts.Series(
          title,
          [psnr[step] for step in steps],
          [lpips[step] for step in steps],
          color,
          labels=[*([""] * (len(steps) - 1)), f"step {steps[-1]}"],
        )
        found.append((place.split("/")[1], series))
  return found


def _baseline(
  sources: sources_lib.Sources, plane: _Plane
) -> list[charts.Series]:
  """Bicubic's point as a run has logged it, unless there is a better source."""
  set_name, backbone, _ = plane
  for result in sources.results:
    if _protocol(result):
      continue
    for name, scores in result.methods.get(sources_lib.BICUBIC, {}).items():
      measured = [each for each, _ in _lpips(result, scores)]
      if name.lower() == set_name and backbone in measured:
        return []
  names = [f"eval/{set_name}/{each}{runs_lib.BICUBIC}" for each in (_X, _Y)]
  for run in sources.runs:
    if sources.backbones.get(run.name, "") == backbone and all(
      name in run.curves for name in names
    ):
      x, y = (run.curves[name][1][-1:] for name in names)
      label = sources_lib.BICUBIC
      return [
        charts.Series(label, x, y, charts.NEUTRAL, labels=[label], joined=False)
      ]
  return []


def _protocol(result: sources_lib.Results) -> str:
  """The protocol of results, "" for that of published points."""
  name = result.protocol_name
  return "" if name == protocols.MATLAB.name else name


def _lpips(
  result: sources_lib.Results, scores: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
  """Each backbone with LPIPS of a set, if there is a PSNR beside it."""
  for name, value in scores.items():
    if name == _Y and _X in scores:
      yield result.backbone, value
    elif name.startswith(f"{_Y}_") and _X in scores:
      yield name.removeprefix(f"{_Y}_"), value


def _published(set_name: str) -> tuple[str, Sequence[charts.Series]]:
  """The set as it is written, and its published points."""
  for title, points in published.tradeoff().items():
    if title.lower() == set_name:
      return title, [
        charts.Series(
          f"{method}, published, backbone not named",
          [psnr],
          [lpips],
          charts.NEUTRAL,
          labels=[f"{method}*"],
          joined=False,
        )
        for method, (psnr, lpips) in points.items()
      ]
  return set_name, []
