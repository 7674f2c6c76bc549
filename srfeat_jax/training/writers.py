"""Where a run's numbers and images go: `metrics.jsonl` and TensorBoard.

Both writers have the interface of `clu.metric_writers`. This is the one file
that reaches TensorFlow, which TensorBoard's event files are written with.
"""

import json
import os
import pathlib

import numpy as np
from absl import logging

from srfeat_jax import atomic


def create(
  workdir: pathlib.Path, *, first_step: int, active: bool
) -> "Writers":
  """The run's writers.

  Args:
    workdir: of the run.
    first_step: lines of later steps, left over from before a restart, go; at
      0, where nothing was restored, all do.
    active: whether this is the main process; others write nothing.
  """
  if not active:
    return Writers([])
  writers = [JsonlWriter(workdir / "metrics.jsonl", first_step=first_step)]
  # TensorFlow tells about its own build otherwise.
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  try:
    from clu import metric_writers

    writers.append(
      metric_writers.AsyncWriter(metric_writers.SummaryWriter(str(workdir)))
    )
  except ImportError as error:
    logging.warning(
      "no TensorBoard logs (%s): for them, pip install clu tensorflow-cpu"
      " tensorboard; metrics.jsonl is written all the same",
      error,
    )
  return Writers(writers)


class JsonlWriter:
  """Appends a line of scalars as JSON for each step that is logged."""

  def __init__(self, path: pathlib.Path, *, first_step: int):
    self._path = path
    kept = []
    if first_step > 0 and path.exists():
      kept = [
        line
        for line in path.read_text().splitlines()
        if _step(line) <= first_step
      ]
    atomic.replace(path, "".join(f"{line}\n" for line in kept).encode())
    self._file = path.open("a")

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Writes one line: the step and the scalars by name."""
    numbers = {name: float(value) for name, value in scalars.items()}
    self._file.write(json.dumps({"step": step, **numbers}) + "\n")
    self._file.flush()

  def write_images(self, step: int, images: dict) -> None:
    """Images have no place in a text file."""

  def flush(self) -> None:
    """Every line is flushed as it is written."""

  def close(self) -> None:
    """Closes the file."""
    self._file.close()


class Writers:
  """Several writers as one."""

  def __init__(self, writers: list):
    self._writers = writers

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Writes numbers by name."""
    for writer in self._writers:
      writer.write_scalars(step, scalars)

  def write_images(self, step: int, images: dict[str, np.ndarray]) -> None:
    """Writes images by name, uint8 `[n, H, W, 3]`."""
    for writer in self._writers:
      writer.write_images(step, images)

  def flush(self) -> None:
    """Makes what was written visible."""
    for writer in self._writers:
      writer.flush()

  def close(self) -> None:
    """Ends writing."""
    for writer in self._writers:
      writer.close()


def _step(line: str) -> float:
  try:
    return json.loads(line)["step"]
  except (json.JSONDecodeError, KeyError, TypeError):
    return float("inf")  # cut off by a kill: dropped
