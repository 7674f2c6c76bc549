"""The file of `gpu_suite`: results by suite, which a later call completes."""

import json
import pathlib
from typing import Any

from benchmarks import gpu_jobs
from srfeat_jax import atomic, errors

# What must be the same for results to stand in one table.
_SAME = ("python", "versions", "cpu", "cores", "gpu", "xla_flags")


class Report:
  """Results of one machine, on the disk after each of them.

  Attributes:
    path: the file.
  """

  def __init__(self, path: pathlib.Path, environment: dict):
    """Goes on with what the file has, if it is there.

    Args:
      path: JSON, as `tables` reads it.
      environment: `machine.describe`'s, of this machine.

    Raises:
      errors.InputError: the file is damaged, of something else, or of another
        machine or other versions.
    """
    self.path = path
    self._content = {"environment": environment, "suites": {}}
    if not path.exists():
      return
    found = _load(path)
    for name in _SAME:
      before, now = found["environment"].get(name), environment.get(name)
      if before != now:
        raise errors.InputError(
          f"{path} has results of another machine or other versions"
          f" ({_difference(name, before, now)}): name another file (the tables"
          " are filled from all gpu*.json), or add --beside"
        )
    self._content["suites"] = found["suites"]

  def has(self, job: gpu_jobs.Job) -> bool:
    """Whether the job is done: there is a result, with all it asks for."""
    found = self._find(job)
    return found is not None and _covers(found, job)

  def add(self, job: gpu_jobs.Job, result: dict) -> None:
    """Files a result, unless there is a better one, and writes the file."""
    suite = self._content["suites"].setdefault(job.suite, [])
    before = self._find(job)
    if before is None:
      suite.append(result)
    elif "error" in before or _measured(before) <= _measured(result):
      suite[suite.index(before)] = result
    else:  # it stays, with a word on what was tried since
      said = result.get("error", "")[-250:]
      for who in set(job.who) - _measured(before):
        before[who] = result.get(who) or f"not measured: {said}"
    self.write()

  def write(self) -> None:
    """Writes the file.

    Raises:
      errors.InputError: it cannot be written.
    """
    text = json.dumps(self._content, indent=1) + "\n"
    atomic.replace(self.path, text.encode())

  def _find(self, job: gpu_jobs.Job) -> dict | None:
    for each in self._content["suites"].get(job.suite, []):
      if each["case"] == job.case:
        return each
    return None


def unused(path: pathlib.Path) -> pathlib.Path:
  """The first of NAME_2.json, NAME_3.json and so on that is not there."""
  number = 2
  while (other := path.with_stem(f"{path.stem}_{number}")).exists():
    number += 1
  return other


def _covers(result: dict, job: gpu_jobs.Job) -> bool:
  if "error" in result:
    return False
  return all(who in _measured(result) or who in result for who in job.who)


def _measured(result: dict) -> set[str]:
  """Whom a result has speeds of."""
  rows = result.get("rows") or result.get("network")
  return set(rows) if isinstance(rows, dict) else set()


def _load(path: pathlib.Path) -> dict[str, Any]:
  damaged = errors.InputError(
    f"{path} is not a file of gpu_suite, or is damaged: name another, or"
    " delete it"
  )
  try:
    found = json.loads(path.read_text())
  except (OSError, ValueError) as error:
    raise damaged from error
  try:
    for results in found["suites"].values():
      for each in results:
        each["case"] + ""
    found["environment"]["versions"].items()
  except (AttributeError, KeyError, TypeError) as error:
    raise damaged from error
  return found


def _difference(name: str, before: Any, now: Any) -> str:
  if isinstance(before, dict) and isinstance(now, dict):
    keys = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    name, before, now = keys[0], before.get(keys[0]), now.get(keys[0])
  return f"{name} {before}, here {now}"
