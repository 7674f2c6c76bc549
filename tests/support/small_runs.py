"""Tiny training runs in this process, and what is read of them."""

import functools
import json
import pathlib
import shutil
import tempfile

from absl.testing import parameterized

from srfeat_jax import train
from srfeat_jax.configs import pretrain
from srfeat_jax.training import state as state_lib
from tests.support import runs

_SHARED = tempfile.TemporaryDirectory(prefix="srfeat_small_runs_")


def config(images, num_steps=4):
  """Of a run without anything but a small generator."""
  config = pretrain.get_config("srfeat_lite")
  config.num_steps = num_steps
  config.batch_size = 4
  config.crop_size = 16
  config.generator.features = 8
  config.generator.num_blocks = 1
  config.data.train = str(images)
  config.log_every = 2
  config.checkpoint_every = 2
  return config


def log(workdir) -> list[dict]:
  """The lines of a run's log."""
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  return [json.loads(line) for line in lines]


def files(folder: pathlib.Path) -> dict[str, bytes]:
  """What is in the files of a folder, by their paths in it."""
  paths_of_files = sorted(path for path in folder.rglob("*") if path.is_file())
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in paths_of_files
  }


def checkpoints(workdir) -> list[str]:
  """The names of a run's checkpoints."""
  return sorted(path.name for path in (workdir / "checkpoints").iterdir())


def position(workdir, step) -> dict:
  """Where a checkpoint says that the run was in its data."""
  (path,) = (workdir / "checkpoints" / str(step) / "data").glob("metadata")
  return json.loads(path.read_text())["position"]


@functools.cache
def _shared() -> pathlib.Path:
  """A folder with images that tests only read."""
  folder = pathlib.Path(_SHARED.name)
  runs.make_images(folder / "images")
  return folder


@functools.cache
def _finished() -> state_lib.TrainState:
  """The last state of a run that is copied by who begins with a whole one."""
  folder = _shared()
  return train.train_and_evaluate(config(folder / "images"), folder / "run")


class RunTestCase(parameterized.TestCase):
  """Has a folder, and images to train on, which are those of other tests."""

  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.create_tempdir())
    self.images = _shared() / "images"

  def finished(self, name: str) -> state_lib.TrainState:
    """Puts a run of `config(self.images)` in the folder that has ended."""
    state = _finished()
    shutil.copytree(_shared() / "run", self.folder / name)
    return state
