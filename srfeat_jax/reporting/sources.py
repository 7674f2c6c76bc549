"""What the folders hold that a report is made of.

A folder is recognized by its files, and may be several things at once:

  config.json and metrics.jsonl   the workdir of a run
  results.json                    what `evaluate` wrote, with its images/
  sweep.json                      what `sweep` wrote
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.evaluation import runs as runs_lib

_RUN, _RESULTS, _SWEEP = "config.json", "results.json", "sweep.json"
_CHANGES = "config_changes.json"
_WRITTEN_BY = {_RESULTS: "evaluate", _SWEEP: "sweep", _CHANGES: "a run"}
BICUBIC = "bicubic"


@dataclasses.dataclass(frozen=True)
class Results:
  """What `evaluate` wrote.

  Attributes:
    name: the last part of the folder's path.
    folder: the folder.
    protocol: how was measured, in a sentence.
    lpips: which LPIPS, "" if it was not measured.
    weights: the name of what was evaluated first.
    methods: by name of what was evaluated, by set: means by metric, and under
      "images" those of each image. The first one is bicubic, if it is there.
  """

  name: str
  folder: pathlib.Path
  protocol: str
  lpips: str
  weights: str
  methods: Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What `sweep` wrote.

  Attributes:
    name: the last part of the folder's path.
    points: each with "set", "alpha", "psnr_y" and "lpips".
  """

  name: str
  points: Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Sources:
  """All of it.

  Attributes:
    runs: in the order of the folders.
    workdirs: of the runs, by their names.
    environments: `environment.json` of runs that have it, by their names.
    changes: of `config_changes.json`, by the names of runs: step, field, value
      before and after.
    results: likewise.
    sweeps: likewise.
    titles: how runs are called, by their names: with BN or NotBN where they
      differ in it.
    left_out: paths of what is none of these.
  """

  runs: Sequence[runs_lib.Run]
  workdirs: Mapping[str, pathlib.Path]
  environments: Mapping[str, Mapping[str, Any]]
  changes: Mapping[str, Sequence[tuple[int, str, str, str]]]
  results: Sequence[Results]
  sweeps: Sequence[Sweep]
  titles: Mapping[str, str]
  left_out: Sequence[str]


def load(folders: Sequence[str]) -> Sources:
  """Reads all folders.

  What is nothing of the kind is left out if there are several, as a pattern may
  have named it.

  Raises:
    errors.InputError: there is nothing to report, or a file cannot be read.
  """
  has = {
    name: [each for each in folders if (pathlib.Path(each) / name).exists()]
    for name in (_RUN, _RESULTS, _SWEEP)
  }
  if len(folders) == 1 and not any(has.values()):
    has[_RUN] = list(folders)  # whose sentence says what is missing
  left_out = sorted(
    {*folders} - {each for found in has.values() for each in found}
  )
  if not any(has.values()):
    raise errors.InputError(
      f"none of {', '.join(folders)} is the workdir of a run, or what"
      " `evaluate` or `sweep` wrote: none has a config.json, results.json or"
      " sweep.json"
    )
  runs = runs_lib.load(has[_RUN]) if has[_RUN] else []
  workdirs = {
    run.name: pathlib.Path(folder)
    for run, folder in zip(runs, has[_RUN], strict=True)
  }
  environments = {
    name: _read(path, dict)
    for name, workdir in workdirs.items()
    if (path := workdir / "environment.json").exists()
  }
  return Sources(
    runs,
    workdirs,
    environments,
    {
      name: _parsed(workdir, _CHANGES, _changes)
      for name, workdir in workdirs.items()
      if (workdir / _CHANGES).exists()
    },
    [_parsed(folder, _RESULTS, _results) for folder in has[_RESULTS]],
    [_parsed(folder, _SWEEP, _sweep) for folder in has[_SWEEP]],
    _titles(runs),
    left_out,
  )


def _titles(runs: Sequence[runs_lib.Run]) -> dict[str, str]:
  norms = {run.name: run.config.get("generator.batch_norm") for run in runs}
  if not {True, False} <= {*norms.values()}:
    return {name: name for name in norms}
  return {
    name: name if norm is None else f"{name} ({'BN' if norm else 'NotBN'})"
    for name, norm in norms.items()
  }


def _results(folder: pathlib.Path, content: Any) -> Results:
  methods = {}
  if BICUBIC in content:
    methods[BICUBIC] = _sets(content[BICUBIC])
  methods[str(content["weights"])] = _sets(content["sets"])
  for name, sets in content.get("others", {}).items():
    methods[name] = _sets(sets)
  return Results(
    folder.absolute().name,
    folder,
    str(content["protocol"]["description"]),
    str(content.get("lpips", "")),
    str(content["weights"]),
    methods,
  )


def _sets(sets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
  """Numbers of each set and of its images; null was infinite."""
  return {
    name: {
      **_numbers(scores),
      "images": {
        image: _numbers(each) for image, each in scores["images"].items()
      },
    }
    for name, scores in sets.items()
  }


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
  return {
    metric: math.inf if value is None else float(value)
    for metric, value in scores.items()
    if value is None or isinstance(value, int | float)
  }


def _sweep(folder: pathlib.Path, content: Any) -> Sweep:
  points = [
    {"set": str(point["set"])}
    | {key: float(point[key]) for key in ("alpha", "psnr_y", "lpips")}
    for point in content
  ]
  return Sweep(folder.absolute().name, points)


def _changes(
  folder: pathlib.Path, content: Any
) -> list[tuple[int, str, str, str]]:
  del folder
  return [
    (int(each["step"]), field, str(values["was"]), str(values["is"]))
    for each in content
    for field, values in each["changes"].items()
  ]


def _parsed(
  folder: str | pathlib.Path,
  file: str,
  parse: Callable[[pathlib.Path, Any], Any],
) -> Any:
  path = pathlib.Path(folder) / file
  content = _read(path, dict | list)
  try:
    return parse(path.parent, content)
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    raise errors.InputError(
      f"{path} is not what {_WRITTEN_BY[file]} writes ({error!r}): run it"
      " again, or leave the folder out"
    ) from error


def _read(path: pathlib.Path, kind: Any) -> Any:
  try:
    content = json.loads(path.read_text())
    if not isinstance(content, kind):
      raise ValueError("it holds something else")
    return content
  except (OSError, ValueError) as error:
    raise errors.InputError(
      f"{path} cannot be read ({error}): repair it, or leave the folder out"
    ) from error
