"""A run's folder: what it was started with, and whether it fits what is asked.

`config.json` holds the config, `environment.json` versions, devices and the
git revision of the code.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys

import jax
from absl import logging
from flax import traverse_util

from srfeat_jax import errors

# Fields that may differ when a run goes on: they do not touch the numbers,
# except num_steps, which moves the schedule with it.
_FREE = {
  "num_steps",
  "log_every",
  "eval_every",
  "checkpoint_every",
  "keep_checkpoints",
  "data.benchmarks",
  "data.sets",
  "data.num_workers",
  "data.cache_gib",
}
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain")


def prepare(workdir: pathlib.Path, config: dict, *, writes: bool) -> None:
  """Makes the folder, or makes sure that this run may go on in it.

  Args:
    workdir: the run's folder.
    config: of the run, JSON-able.
    writes: whether this process is the one that writes files.

  Raises:
    errors.InputError: the folder cannot be written, or holds a run of another
      config; every field that differs is named with both values.
  """
  workdir = pathlib.Path(workdir)
  path = workdir / "config.json"
  try:
    if path.exists():
      _check_same(path, config)
    if not writes:
      return
    workdir.mkdir(parents=True, exist_ok=True)
    _write(path, config)
    _write(workdir / "environment.json", environment())
  except OSError as error:
    raise errors.InputError(
      f"--workdir={workdir} cannot be written ({error.strerror}): choose a"
      " folder that you may write to, on a disk with space left"
    ) from error


def read_config(workdir: pathlib.Path) -> dict:
  """The config of the run in a workdir.

  Raises:
    errors.InputError: there is no readable `config.json`.
  """
  path = pathlib.Path(workdir) / "config.json"
  try:
    config = json.loads(path.read_text())
    config["generator"]["architecture"]
  except FileNotFoundError as error:
    raise errors.InputError(
      f"{workdir} is not the workdir of a run: it has no config.json"
    ) from error
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.InputError(
      f"{path} is not the config of a run ({error!r}): give the --workdir of"
      " a run"
    ) from error
  return config


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


def _check_same(path: pathlib.Path, config: dict) -> None:
  old = traverse_util.flatten_dict(read_config(path.parent), sep=".")
  new = traverse_util.flatten_dict(json.loads(json.dumps(config)), sep=".")
  different = [
    f"config.{name} was {old.get(name)!r} and is now {new.get(name)!r}"
    for name in sorted(old.keys() | new.keys())
    if old.get(name) != new.get(name)
  ]
  fixed = [
    line for line in different if line.split()[0][len("config.") :] not in _FREE
  ]
  if fixed:
    raise errors.InputError(
      f"{path.parent} holds a run of another config: {'; '.join(fixed)}."
      " Choose a new --workdir; to start from this run's weights, set"
      f" config.init_from={path.parent}"
    )
  for line in different:
    logging.warning("going on with another setting: %s", line)


def _write(path: pathlib.Path, content: dict) -> None:
  partial = path.with_suffix(".partial")
  partial.write_text(json.dumps(content, indent=2) + "\n")
  os.replace(partial, path)


def _git_revision() -> str | None:
  """Of the code that runs, with "-dirty" when it was changed; None outside."""
  command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
  here = pathlib.Path(__file__).parent
  try:
    result = subprocess.run(
      command, cwd=here, capture_output=True, text=True, check=True
    )
  except (OSError, subprocess.CalledProcessError):
    return None
  return result.stdout.strip()
