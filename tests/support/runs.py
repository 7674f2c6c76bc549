"""Tiny training runs in processes of their own, for tests that kill them."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
from PIL import Image

from tests.support import paths

NUM_STEPS = 8


def make_images(folder: pathlib.Path, count: int = 6) -> pathlib.Path:
  """Writes noise to train on."""
  folder.mkdir()
  rng = np.random.default_rng(0)
  for i in range(count):
    pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / f"{i}.png")
  return folder


def command(images: pathlib.Path, workdir: pathlib.Path, *flags: str):
  """The command line of a run with BatchNorm, EMA and a schedule."""
  return [
    sys.executable,
    "-m",
    "srfeat_jax.main",
    "--config=configs/pretrain.py:srfeat",
    f"--config.data.train={images}",
    f"--config.num_steps={NUM_STEPS}",
    "--config.batch_size=4",
    "--config.crop_size=16",
    "--config.generator.features=4",
    "--config.generator.num_blocks=2",
    "--config.ema_decay=0.9",
    "--config.data.crop=random",
    "--config.data.augment=True",
    "--config.log_every=2",
    "--config.checkpoint_every=1",
    f"--workdir={workdir}",
    *flags,
  ]


def damage(checkpoint: pathlib.Path, how: str) -> None:
  """Spoils a checkpoint: "cut", "empty files", "no state" or "no files"."""
  match how:
    case "cut":
      for path in (checkpoint / "state").rglob("d/*"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    case "empty files":
      for path in checkpoint.rglob("*"):
        if path.is_file():
          path.write_bytes(b"")
    case "no state":
      shutil.rmtree(checkpoint / "state")
    case "no files":
      shutil.rmtree(checkpoint)
      checkpoint.mkdir()


def start(arguments, devices: int = 2) -> subprocess.Popen:
  """Starts a program in the repository, its output captured as one text."""
  environment = dict(
    os.environ, JAX_PLATFORMS="cpu", JAX_NUM_CPU_DEVICES=str(devices)
  )
  return subprocess.Popen(
    arguments,
    cwd=paths.REPOSITORY,
    env=environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def finish(process: subprocess.Popen, status: int = 0) -> str:
  """Waits for a program that must end with a status; returns its output."""
  output, _ = process.communicate(timeout=300)
  if process.returncode != status:
    raise AssertionError(f"exit code {process.returncode}:\n{output}")
  return output


def wait_for_log(workdir: pathlib.Path, process: subprocess.Popen) -> None:
  """Waits until a run in another process has logged its first steps."""
  log = workdir / "metrics.jsonl"
  end = time.monotonic() + 240
  while not (log.exists() and log.read_text()):
    if process.poll() is not None or time.monotonic() > end:
      process.kill()
      raise AssertionError(f"nothing was logged:\n{process.stdout.read()}")
    time.sleep(0.01)


def final_state(
  workdir: pathlib.Path, num_steps: int = NUM_STEPS
) -> dict[str, np.ndarray]:
  """All arrays of a run's last checkpoint by name, and the data position."""
  handlers = {
    "state": ocp.PyTreeCheckpointHandler(),
    "data": ocp.JsonCheckpointHandler(),
  }
  with ocp.CheckpointManager(
    workdir / "checkpoints", item_handlers=handlers
  ) as manager:
    step = manager.latest_step()
    assert step == num_steps, f"the last checkpoint is of step {step}"
    shapes = manager.item_metadata(step)["state"].tree
    as_numpy = jax.tree.map(
      lambda _: ocp.RestoreArgs(restore_type=np.ndarray), shapes
    )
    restored = manager.restore(
      step,
      args=ocp.args.Composite(
        state=ocp.args.PyTreeRestore(shapes, restore_args=as_numpy),
        data=ocp.args.JsonRestore(),
      ),
    )
  leaves = jax.tree_util.tree_leaves_with_path(restored["state"])
  arrays = {jax.tree_util.keystr(path): leaf for path, leaf in leaves}
  return arrays | {"data": np.array(str(restored["data"]))}
