"""What the folders hold that a report is made of.

A folder is recognized by its files, and may be several things at once:

  config.json and metrics.jsonl   the workdir of a run
  results.json                    what `evaluate` wrote, with its images/
  sweep.json                      what `sweep` wrote
"""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.evaluation import protocol, snapshots
from srfeat_jax.evaluation import runs as runs_lib
from srfeat_jax.interchange import lpips_file

_RUN, _RESULTS, _SWEEP = "config.json", "results.json", "sweep.json"
_CHANGES = "config_changes.json"
_WRITTEN_BY = {_RESULTS: "evaluate", _SWEEP: "sweep", _CHANGES: "a run"}
OF_RUNS = ("generator.safetensors", "best_generator.safetensors")
BICUBIC = "bicubic"
SPEED = "megapixels_per_second"  # of output, beside the metrics


@dataclasses.dataclass(frozen=True)
class Results:
  """What `evaluate` wrote.

  Attributes:
    name: the last part of the folder's path.
    folder: the folder.
    protocol: how was measured, in a sentence.
    protocol_name: its name, "" if it does not say.
    lpips: which LPIPS, "" if it was not measured, or by several backbones.
    backbone: of this LPIPS, "" if it does not say.
    weights: the name of what was evaluated first.
    methods: by name of what was evaluated, by set: means by metric, and under
      "images" those of each image. The first one is bicubic, if it is there.
    titles: how methods are called, by their names.
    published: method, protocol, source, set and scores by metric.
  """

  name: str
  folder: pathlib.Path
  protocol: str
  protocol_name: str
  lpips: str
  backbone: str
  weights: str
  methods: Mapping[str, Mapping[str, Mapping[str, Any]]]
  titles: Mapping[str, str]
  published: Sequence[tuple[str, str, str, str, Mapping[str, float]]] = ()


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What `sweep` wrote.

  Attributes:
    name: the last part of the folder's path.
    backbone: of its LPIPS, "" if it does not say.
    points: each with "set", "alpha", "psnr_y" and "lpips".
  """

  name: str
  backbone: str
  points: Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Sources:
  """All of it.

  Attributes:
    runs: in the order of the folders.
    workdirs: of the runs, by their names.
    environments: `environment.json` of runs that have it, by their names.
    backbones: of the LPIPS that runs were validated with, by their names, where
      it is known.
    changes: of `config_changes.json`, by the names of runs: step, field, value
      before and after.
    results: likewise.
    sweeps: likewise.
    titles: how runs are called, by their names: with BN or NotBN where they
      differ in it.
    left_out: paths of what is none of these.
    remarks: sentences about what the logs of runs lack.
  """

  runs: Sequence[runs_lib.Run]
  workdirs: Mapping[str, pathlib.Path]
  environments: Mapping[str, Mapping[str, Any]]
  backbones: Mapping[str, str]
  changes: Mapping[str, Sequence[tuple[int, str, str, str]]]
  results: Sequence[Results]
  sweeps: Sequence[Sweep]
  titles: Mapping[str, str]
  left_out: Sequence[str]
  remarks: Sequence[str] = ()


def is_needed(name: str) -> bool:
  """Whether reports read a file, by its path below a folder."""
  top, _, below = name.partition("/")
  if below:
    return top in ("images", snapshots.FOLDER)
  return top.endswith((".json", ".jsonl"))


def load(folders: Sequence[str]) -> Sources:
  """Reads all folders.

  What is nothing of the kind is left out if there are several, as a pattern may
  have named it. What does not exist is a mistake, for patterns name no such
  thing. A run that has just begun has settings, but no curves.

  Raises:
    errors.InputError: there is nothing to report, a path does not exist or is
      named twice, or a file cannot be read.
  """
  real = [os.path.realpath(each) for each in folders if each]
  if len({*real}) < len(real):
    twice = next(each for each in real if real.count(each) > 1)
    raise errors.InputError(f"{twice} is named twice: name each folder once")
  if gone := [each for each in folders if not os.path.exists(each)]:
    names = ", ".join(each or repr("") for each in gone)
    raise errors.InputError(
      f"{names}: there is no such file or folder: name the workdirs of runs"
      " and folders of results, or leave it out"
    )
  has = {
    name: [each for each in folders if (pathlib.Path(each) / name).exists()]
    for name in (_RUN, _RESULTS, _SWEEP)
  }
  left_out = sorted(
    {*folders} - {each for found in has.values() for each in found}
  )
  if not any(has.values()):
    raise errors.InputError(_nothing_in(folders))
  runs = runs_lib.load(has[_RUN]) if has[_RUN] else []
  remarks = [remark for run in runs for remark in run.remarks]
  if not (has[_RESULTS] or has[_SWEEP] or any(run.curves for run in runs)):
    raise errors.InputError("; ".join(remarks))
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
    _backbones(runs, environments),
    {
      name: _parsed(workdir, _CHANGES, _changes)
      for name, workdir in workdirs.items()
      if (workdir / _CHANGES).exists()
    },
    [_parsed(folder, _RESULTS, _results) for folder in has[_RESULTS]],
    [_parsed(folder, _SWEEP, _sweep) for folder in has[_SWEEP]],
    _titles(runs),
    left_out,
    remarks,
  )


def _nothing_in(folders: Sequence[str]) -> str:
  """A sentence that says why there is nothing to report."""
  files = f"{_RUN}, {_RESULTS} or {_SWEEP}"
  if len(folders) > 1:
    return (
      f"none of {', '.join(folders)} is the workdir of a run, or what"
      f" `evaluate` or `sweep` wrote: none has a {files}"
    )
  (folder,) = folders
  if not os.path.isdir(folder):
    return (
      f"{folder} is a file: name folders, the workdirs of runs or what"
      " `evaluate` or `sweep` wrote"
    )
  return (
    f"{folder} is not the workdir of a run, or what `evaluate` or `sweep`"
    f" wrote: it has no {files}"
  )


def _titles(runs: Sequence[runs_lib.Run]) -> dict[str, str]:
  norms = [run.config.get("generator.batch_norm") for run in runs]
  if True not in norms or False not in norms:
    return {run.name: run.name for run in runs}
  words = [
    f" ({'BN' if norm else 'NotBN'})" if isinstance(norm, bool) else ""
    for norm in norms
  ]
  return {
    run.name: run.name + word for run, word in zip(runs, words, strict=True)
  }


def _backbones(
  runs: Sequence[runs_lib.Run], environments: Mapping[str, Any]
) -> dict[str, str]:
  """By what a run has recorded, or else by its file, if that is still there."""
  found = {}
  for run in runs:
    recorded = environments.get(run.name, {}).get("lpips_backbone")
    path = run.config.get("validation.lpips_weights")
    if isinstance(recorded, str):
      found[run.name] = recorded
    elif isinstance(path, str) and os.path.isfile(path):
      with contextlib.suppress(errors.InputError):  # another file by now
        found[run.name] = lpips_file.backbone(path)
  return found


def _results(folder: pathlib.Path, content: Any) -> Results:
  weights = str(content["weights"])
  methods = {
    **({BICUBIC: content[BICUBIC]} if BICUBIC in content else {}),
    **content.get("baselines", {}),
    weights: content["sets"],
    **content.get("others", {}),
  }
  speed = content.get("speed", {})
  return Results(
    folder.absolute().name,
    folder,
    str(content["protocol"]["description"]),
    str(content["protocol"].get("name", "")),
    str(content.get("lpips", "")),
    _backbone(str(content.get("lpips", ""))),
    weights,
    {name: _sets(sets, speed.get(name, {})) for name, sets in methods.items()},
    _short(methods),
    [
      (
        *(str(row[key]) for key in ("method", "protocol", "source")),
        *(set_name, _numbers(scores, set_name)),
      )
      for row in content.get("published", ())
      for set_name, scores in row["sets"].items()
    ],
  )


def _backbone(description: str) -> str:
  """The backbone in the description of `evaluation.lpips.Metric`."""
  found = re.match(r"LPIPS v0\.1 \((\w+)\)", description)
  return found[1] if found else ""


def _short(methods: Iterable[str]) -> dict[str, str]:
  """The last part of each path, the workdir of a run's file, if they differ."""
  short = {}
  for method in methods:
    path = pathlib.PurePath(method)
    is_of_run = path.name in OF_RUNS and path.parent.name
    short[method] = path.parent.name if is_of_run else path.name
  if len({*short.values()}) < len(short):
    return {method: method for method in short}
  return short


def _sets(
  sets: Mapping[str, Any], speed: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
  """Numbers of each set and of its images."""
  return {
    name: {
      **_numbers(
        {key: value for key, value in scores.items() if key != "images"},
        name,
      ),
      **(
        {SPEED: float(speed[name]["megapixels_per_second"])}
        if name in speed
        else {}
      ),
      "images": {
        image: _numbers(each, f"{name} {image}")
        for image, each in scores["images"].items()
      },
    }
    for name, scores in sets.items()
  }


def _numbers(scores: Mapping[str, Any], where: str) -> dict[str, float]:
  """Scores of a set or an image. Null was infinite, or is not defined.

  Raises:
    ValueError: one of them is no number.
  """
  numbers = {}
  for metric, value in scores.items():
    if value is None:
      is_infinite = metric.startswith("psnr") or metric in protocol.RATIOS
      numbers[metric] = math.inf if is_infinite else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
      numbers[metric] = float(value)
    else:
      raise ValueError(f"{metric} of {where} is {value!r}, not a number")
  return numbers


def _sweep(folder: pathlib.Path, content: Any) -> Sweep:
  points = [
    {"set": str(point["set"])}
    | {key: float(point[key]) for key in ("alpha", "psnr_y", "lpips")}
    for point in content
  ]
  backbones = {str(point.get("backbone", "")) for point in content}
  backbone = backbones.pop() if len(backbones) == 1 else ""
  return Sweep(folder.absolute().name, backbone, points)


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
  except (
    *(KeyError, TypeError, ValueError, AttributeError, OverflowError),
  ) as error:
    reason = str(error)
    if isinstance(error, KeyError):
      reason = f"it has no {error}"
    elif isinstance(error, TypeError | AttributeError):
      reason = "its parts are of other types"
    raise errors.InputError(
      f"{path} is not what {_WRITTEN_BY[file]} writes ({reason}): run it again,"
      " or leave the folder out"
    ) from error


def _read(path: pathlib.Path, kind: Any) -> Any:
  try:
    content = json.loads(path.read_text())
    if not isinstance(content, kind):
      raise ValueError("it holds something else")
    return content
  except (OSError, ValueError, RecursionError) as error:
    raise errors.InputError(
      f"{path} cannot be read ({error}): repair it, or leave the folder out"
    ) from error
