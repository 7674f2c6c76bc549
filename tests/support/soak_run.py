"""The run that `tests.soak` kills: a tiny GAN with all that runs may have.

Both of SRFeat's discriminators, a perceptual loss, BatchNorm, an average of the
weights, and validations. VGG-19 is a stand-in: its layers have 4 channels, and
random weights.

A process that has imported this module starts a run without importing anything
more.
"""

import ctypes
import os
import pathlib
import re
import signal
import sys
import warnings

import clu.metric_writers  # noqa: F401, imported before processes are forked
import fsspec  # noqa: F401
import gcsfs  # noqa: F401
import numpy as np
from absl import flags
from absl import logging as absl_logging
from etils import epath  # noqa: F401
from flax import traverse_util

from srfeat_jax import cli, train
from srfeat_jax.configs import gan
from srfeat_jax.image_io import images
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import interruption

_CHANNELS = 4
_ROW = re.compile(r"^\s*(\d+)/\d+\s", re.MULTILINE)
_BEGINS = re.compile(r"; step (\d+) of \d+, in ")
_STOPPED = re.compile(r"stopped at step (\d+): ")

# Nothing has been computed yet in the process that is forked.
warnings.filterwarnings("ignore", r"os\.fork\(\) was called")
vgg19.CHANNELS.update(dict.fromkeys(vgg19.CHANNELS, _CHANNELS))


def write_inputs(folder: pathlib.Path) -> None:
  """Writes what the run reads: images, a benchmark set, and VGG-19."""
  rng = np.random.default_rng(0)
  for name in (*(f"train/{i}" for i in range(6)), "sets/A/HR/0", "sets/A/HR/1"):
    pixels = rng.integers(0, 256, (48, 56, 3), dtype=np.uint8)
    images.write(folder / f"{name}.png", pixels)
  params, inputs = {}, 3
  for name in vgg19.CHANNELS:
    params[name] = {
      "kernel": rng.normal(0, 0.2, (3, 3, inputs, _CHANNELS)),
      "bias": np.zeros(_CHANNELS),
    }
    inputs = _CHANNELS
  tensors = traverse_util.flatten_dict({"params": params}, sep="/")
  metadata = {
    "format": "srfeat_jax/vgg19",
    "settings": '{"preprocessing": "caffe", "pooling": "ceil", "clip": false}',
  }
  safetensors_file.write(
    folder / "vgg19.safetensors",
    {name: np.asarray(x, np.float32) for name, x in tensors.items()},
    metadata,
  )


def config_for(folder: pathlib.Path, num_steps: int):
  """The config of the run.

  Args:
    folder: with what `write_inputs` wrote.
    num_steps: of the run.
  """
  config = gan.get_config("srfeat_lite_bn")
  config.num_steps = num_steps
  config.allow_scratch = True
  config.batch_size = 2
  config.crop_size = 32
  config.generator.features = 4
  config.generator.num_blocks = 1
  for discriminator in config.discriminators.values():
    discriminator.features = 2
    discriminator.hidden = 4
  config.losses.perceptual_layers = {"relu2_1": 1.0}
  config.vgg_weights = os.fspath(folder / "vgg19.safetensors")
  config.data.train = os.fspath(folder / "train")
  config.data.crop = "random"
  config.data.augment = True
  config.data.check = False
  config.data.benchmarks = os.fspath(folder / "sets")
  config.log_every = 1
  config.eval_every = max(1, num_steps // 5)
  config.checkpoint_every = 3
  return config


def run(folder: str, workdir: str, num_steps: int, log: str) -> None:
  """Trains, as `srfeat_jax.main` does; ends the process.

  Args:
    folder: with what `write_inputs` wrote.
    workdir: of the run.
    num_steps: of the run.
    log: the file for what is printed.
  """
  # Should the soak itself be ended, nothing of it stays.
  ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
  file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
  for stream in (sys.stdout, sys.stderr):
    os.dup2(file, stream.fileno())
    stream.reconfigure(line_buffering=True)
  flags.FLAGS.mark_as_parsed()
  absl_logging.set_verbosity(absl_logging.WARNING)
  try:
    config = config_for(pathlib.Path(folder), num_steps)
    train.train_and_evaluate(config, workdir)
  except interruption.Stopped as stopped:
    os._exit(stopped.status)
  except Exception as error:
    sentence = cli.sentence(error)
    if sentence is None:
      raise
    os._exit(cli.fail(sentence))
  os._exit(0)


def step_of(log: pathlib.Path) -> int | None:
  """The last step that a run has printed; None before the first."""
  rows = _ROW.findall(_text(log))
  return int(rows[-1]) if rows else None


def first_step_of(log: pathlib.Path) -> int | None:
  """The step that a run went on from; None if it did not come so far."""
  found = _BEGINS.search(_text(log))
  return int(found[1]) if found else None


def stopped_at(log: pathlib.Path) -> int | None:
  """The step at which a run has stopped when asked to; None if it did not."""
  found = _STOPPED.search(_text(log))
  return int(found[1]) if found else None


def _text(log: pathlib.Path) -> str:
  return log.read_text() if log.exists() else ""
