"""A run's folder: what it was started with, and whether it fits what is asked.

`config.json` holds the config, `config_changes.json`, if the run went on with
another one, what changed at which step, `environment.json` versions, devices,
precision and the git revision of the code; `.lock` is locked while a run is
under way, unless the workdir is an address in an object store, where there are
no locks.
"""

import contextlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jax
from absl import logging
from flax import traverse_util

from srfeat_jax import atomic, errors, locking, places
from srfeat_jax.training import earlier_configs

# Fields that may differ when a run is resumed: they do not touch the numbers,
# except num_steps, which moves the schedule with it. What init_from names is
# past by then, and the file of vgg_weights may have moved.
_FREE = {
  "init_from",
  "init_discriminators_from",
  "dtype",  # what it sets are fields of the networks, which are compared
  "vgg_weights",
  "vgg_preprocessing",
  "vgg_clip",
  "fsdp",  # where the numbers are
  "schedule_in",  # what they change are fields that are here or compared
  "learning_rate_rule",
  "num_steps",
  "log_every",
  "eval_every",
  "checkpoint_every",
  "keep_checkpoints",
  "keep_every",
  "profile_steps",
  "validation.lpips_weights",
  "validation.metrics",
  "validation.best_metric",
  "validation.snapshots",
  "data.benchmarks",
  "data.sets",
  "data.num_workers",
  "data.cache_gib",
  "data.on_device",
  "data.check",
  "data.max_damaged",
}
# Fields, or groups of them, that may differ too if the user asks for it: they
# change the numbers, but no array.
CHANGEABLE = ("batch_size", "learning_rate", "discriminator_learning_rate")
# Fields of a generator that may differ from those of weights it starts from.
_FITTED = {
  "generator.dtype",
  "generator.initializer",
  "generator.scale",
  "generator.num_blocks",
  "generator.blur_after_shuffle",
  "generator.upsampler",
  "generator.icnr",
}
_INPUT_SIZE = re.compile(r"discriminators\.\w+\.input_size")
_CHANGES = "config_changes.json"
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain")


def check(
  workdir: pathlib.Path, config: dict, allow_change: Collection[str] = ()
) -> None:
  """Makes sure that a run may resume, or begin, in the folder.

  Args:
    workdir: the run's folder, which need not exist.
    config: of the run, JSON-able.
    allow_change: of `CHANGEABLE`, what may differ from the run in the folder.

  Raises:
    errors.InputError: the folder holds a run of another config; every field
      that differs is named with both values. Or it cannot be read. Or
      `allow_change` names something else.
  """
  unknown = [name for name in allow_change if name not in CHANGEABLE]
  if unknown:
    raise errors.InputError(
      f"--allow_change={','.join(allow_change)}: {unknown[0]} cannot change in"
      f" a run; expected any of {', '.join(CHANGEABLE)}"
    )
  workdir = places.path(workdir)
  with explained(workdir):
    if places.is_address(workdir):
      places.check(workdir)
    if not (workdir / "config.json").exists():
      return
  began_with = read_config(workdir)
  for line in earlier_configs.sentences(began_with):
    logging.warning("%s: %s", workdir, line)
  differing, allowed = differences(began_with, config, allow_change)
  if differing:
    raise errors.InputError(
      f"{workdir} holds a run of another config: {'; '.join(differing)};"
      f" {_remedies(workdir, _changes(began_with, config))}"
    )
  for line in allowed:
    logging.warning("resuming with another setting: %s", line)


def counts_steps(workdir: str | os.PathLike) -> bool:
  """Whether a workdir's run has a schedule that no batch size changes.

  So it is if it was told to, and in runs of versions that knew no other.

  Raises:
    errors.InputError: there is a `config.json` that cannot be read.
  """
  place = places.path(workdir)
  if not _exists(place / "config.json"):
    return False
  return read_config(place).get("schedule_in", "steps") == "steps"


def differences(
  old: dict, new: dict, allow_change: Collection[str] = ()
) -> tuple[list[str], list[str]]:
  """The fields in which two configs differ, each with both values.

  Args:
    old: of a run; its fields may have names of an earlier version.
    new: of the run that is to resume, JSON-able.
    allow_change: fields, or groups of them, that it need not keep this time.

  Returns:
    Those that a run must keep when it is resumed, and those that it need not.
  """
  kept, free = [], []
  for name, (was, now) in _changes(old, new).items():
    may_differ = name in _FREE or _group(name, allow_change)
    (free if may_differ else kept).append(
      f"config.{name} was {was!r} and is now {now!r}"
    )
  return kept, free


def _changes(old: dict, new: dict) -> dict[str, tuple[Any, Any]]:
  """What differs, by field: both values, None where it is missing."""
  old = earlier_configs.updated(old)
  old, new = (
    traverse_util.flatten_dict(json.loads(json.dumps(config)), sep=".")
    for config in (old, new)
  )
  old = earlier_configs.completed(old, new)
  for name in old.keys() & new.keys():
    # A discriminator's size that follows the crop, 0, is none of its own, and
    # one that was set fitted the crop.
    if _INPUT_SIZE.fullmatch(name) and 0 in (old[name], new[name]):
      old[name] = new[name]
  return {
    name: (old.get(name), new.get(name))
    for name in sorted(old.keys() | new.keys())
    if old.get(name) != new.get(name)
  }


def _group(field: str, groups: Collection[str]) -> str:
  """Which of some fields, or groups of them, a field belongs to; "" if none."""
  for group in groups:
    if field == group or field.startswith(f"{group}."):
      return group
  return ""


def _remedies(workdir: pathlib.Path, changes: Mapping[str, Any]) -> str:
  """What can be done if fields differ that a run must keep."""
  bound = [name for name in changes if name not in _FREE]
  remedies = ["choose a new --workdir"]
  if all(
    name in _FITTED or not name.startswith("generator.") for name in bound
  ):
    remedies[0] += (
      ", and to start there from this run's weights, set"
      f" --config.init_from={workdir}"
    )
  groups = [_group(name, CHANGEABLE) for name in bound]
  if all(groups):
    names = ",".join(dict.fromkeys(groups))
    remedies.insert(0, f"to go on with it, add --allow_change={names}")
  return "; or ".join(remedies)


@contextlib.contextmanager
def hold(workdir: pathlib.Path) -> Iterator[None]:
  """Makes the folder, and keeps other runs out of it within the context.

  In an object store nobody is kept out.

  Raises:
    errors.InputError: another run holds it, or it cannot be written.
  """
  workdir = places.path(workdir)
  if places.is_address(workdir):
    yield
    return
  with contextlib.ExitStack() as stack:
    with explained(workdir):
      workdir.mkdir(parents=True, exist_ok=True)
      busy = (
        f"another process trains in {workdir}: wait for it, or choose a new"
        " --workdir"
      )
      stack.enter_context(locking.hold(workdir / ".lock", busy))
    yield


def record(
  workdir: pathlib.Path,
  config: dict,
  step: int = 0,
  more: Mapping[str, Any] = types.MappingProxyType({}),
) -> None:
  """Writes what the run is started with, and what has changed since before.

  Args:
    workdir: the run's folder.
    config: of the run, JSON-able.
    step: the number of updates done before.
    more: of the environment, such as `compute_precision.record`, JSON-able.

  Raises:
    errors.InputError: the folder cannot be written, or its record not read.
  """
  workdir = places.path(workdir)
  if _exists(workdir / "config.json"):
    changes = {
      name: {"was": was, "is": now}
      for name, (was, now) in _changes(read_config(workdir), config).items()
    }
    if changes:
      # Before the config: what this explains must not be there without it.
      history = [*read_changes(workdir), {"step": step, "changes": changes}]
      _write(workdir / _CHANGES, history)
  _write(workdir / "config.json", config)
  _write(workdir / "environment.json", {**environment(), **more})


def read_config(workdir: pathlib.Path) -> dict:
  """The config of the run in a workdir.

  Raises:
    errors.InputError: there is no readable `config.json`.
  """
  path = places.path(workdir) / "config.json"
  try:
    config = json.loads(path.read_text())
    config["generator"]["architecture"]
  except FileNotFoundError as error:
    raise errors.InputError(
      f"{workdir} is not the workdir of a run: it has no config.json"
    ) from error
  except places.failures(ValueError, KeyError, TypeError) as error:
    raise errors.InputError(
      f"{path} is not the config of a run ({error!r}): give the --workdir of"
      " a run"
    ) from error
  return config


def read_changes(workdir: pathlib.Path) -> list[dict]:
  """What changed in the config of a run when it went on, the oldest first.

  Returns:
    For each time "step", the number of updates done before, and "changes", by
    field "was" and "is".

  Raises:
    errors.InputError: the record is damaged.
  """
  path = places.path(workdir) / _CHANGES
  try:
    history = json.loads(path.read_text())
    if not all(
      each["step"] >= 0 and each["changes"].keys() for each in history
    ):
      raise ValueError("a step or its changes are missing")
  except FileNotFoundError:
    return []
  except places.failures(
    ValueError, LookupError, TypeError, AttributeError
  ) as error:
    raise errors.InputError(
      f"{path} is not a record of a run's changes ({error!r}): delete it"
    ) from error
  return history


def versions() -> list[str]:
  """Of this process: Python's, those of packages, and the code's revision."""
  packages = (
    f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES
  )
  revision = _git_revision() or "without git"
  return [f"python {platform.python_version()}", *packages, revision]


def environment() -> dict:
  """Versions, hardware and the revision of the code, for the record."""
  return {
    "command": sys.argv,
    "python": platform.python_version(),
    "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    "platform": platform.platform(),
    "devices": [device.device_kind for device in jax.devices()],
    "processes": jax.process_count(),
    "git_revision": _git_revision(),
  }


@contextlib.contextmanager
def explained(workdir: pathlib.Path) -> Iterator[None]:
  """Explains in a sentence why a workdir cannot be written, or read."""
  try:
    yield
  except places.failures() as error:
    remedy = (
      "name a bucket that this account may read and write"
      if places.is_address(workdir)
      else "choose a folder that you may write to, on a disk with space left"
    )
    raise errors.InputError(
      f"--workdir={workdir} cannot be written ({places.reason(error)}):"
      f" {remedy}"
    ) from error


def _exists(path: pathlib.Path) -> bool:
  with explained(path.parent):
    return path.exists()


def _write(path: pathlib.Path, content: dict | list) -> None:
  atomic.replace(path, f"{json.dumps(content, indent=2)}\n".encode())


def _git_revision() -> str | None:
  """Of the code that runs, "-dirty" if it was changed; None without git."""
  command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
  here = pathlib.Path(__file__).parent
  try:
    result = subprocess.run(
      command, cwd=here, capture_output=True, text=True, check=True
    )
  except (OSError, subprocess.CalledProcessError):
    return None
  return result.stdout.strip()
