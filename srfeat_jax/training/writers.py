"""Where a run's numbers and images go: `metrics.jsonl` and TensorBoard.

All writers have the interface of `clu.metric_writers`. This is the one file
that reaches TensorFlow, which TensorBoard's event files are written with.

To an object in a store nothing can be appended. There all lines are written
again at each `flush`, and now and then besides, and the events of this process
now and then. As `flush` comes before a checkpoint, a kill loses only lines of
steps that are done again.
"""

import json
import os
import pathlib
import tempfile
import textwrap
import time
from typing import Any

import numpy as np
from absl import logging

from srfeat_jax import atomic, errors, places

_REWRITE_SECONDS = 60  # between one time that all lines are written and another
_UPLOAD_SECONDS = 300  # the same for events, in which images are


def create(
  workdir: pathlib.Path,
  *,
  first_step: int,
  active: bool,
  validates: bool = False,
) -> "Writers":
  """The run's writers.

  Args:
    workdir: of the run.
    first_step: lines of later steps, left over from before a restart, go; at
      0, where nothing was restored, all do.
    active: whether this is the main process; others write nothing.
    validates: whether the state at `first_step` is validated now. The scores of
      an earlier time, after which the run was killed, go, too.
  """
  if not active:
    return Writers([])
  in_store = places.is_address(workdir)
  lines = JsonlObject if in_store else JsonlWriter
  writers: list[Any] = [
    lines(workdir / "metrics.jsonl", first_step=first_step, validates=validates)
  ]
  # TensorFlow tells about its own build otherwise.
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  try:
    from clu import asynclib, metric_writers
    from tensorflow import errors as tensorflow_errors

    def events(folder):
      return metric_writers.AsyncWriter(
        metric_writers.SummaryWriter(os.fspath(folder))
      )

    failures = asynclib.AsyncError, tensorflow_errors.OpError, OSError
    writers.append(
      Expendable(
        UploadedEvents(events, workdir) if in_store else events(workdir),
        failures,
      )
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

  def __init__(
    self, path: pathlib.Path, *, first_step: int, validates: bool = False
  ):
    self._path = path
    atomic.replace(path, _joined(_kept(path, first_step, validates)))
    self._file = path.open("a")

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Writes one line: the step and the scalars by name.

    Raises:
      errors.InputError: the file cannot be written.
    """
    try:
      self._file.write(f"{_line(step, scalars)}\n")
      self._file.flush()
    except OSError as error:
      raise _unwritten(self._path, error) from error

  def write_images(self, step: int, images: dict) -> None:
    """Images have no place in a text file."""

  def flush(self) -> None:
    """Every line is flushed as it is written."""

  def close(self) -> None:
    """Closes the file."""
    try:
      self._file.close()
    except OSError as error:  # a line that did not fit before does not now
      raise _unwritten(self._path, error) from error


class JsonlObject:
  """The same as an object in a store."""

  def __init__(
    self, path: pathlib.Path, *, first_step: int, validates: bool = False
  ):
    self._path = path
    self._lines = _kept(path, first_step, validates)
    self._write()

  def _write(self) -> None:
    atomic.replace(self._path, _joined(self._lines))
    self._written = time.monotonic(), len(self._lines)

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Adds a line, and if it is time writes all of them."""
    self._lines.append(_line(step, scalars))
    if time.monotonic() - self._written[0] < _REWRITE_SECONDS:
      return
    try:
      self._write()
    except errors.InputError as error:
      logging.warning("%s; this is tried again", error)

  def write_images(self, step: int, images: dict) -> None:
    """Images have no place in a text file."""

  def flush(self) -> None:
    """Writes all lines.

    Raises:
      errors.InputError: the object cannot be written.
    """
    if len(self._lines) > self._written[1]:
      self._write()

  def close(self) -> None:
    """Writes all lines; raises as `flush`."""
    self.flush()


class Expendable:
  """A writer without which a run goes on if it fails; a warning says so."""

  def __init__(self, writer: Any, failures: tuple[type[Exception], ...]):
    """Takes a writer.

    Args:
      writer: the writer.
      failures: what it raises if nothing can be written.
    """
    self._writer = writer
    self._failures = failures

  def _try(self, method: str, *arguments: Any) -> None:
    if self._writer is None:
      return
    try:
      getattr(self._writer, method)(*arguments)
    except self._failures as error:
      self._writer = None
      logging.warning(
        "TensorBoard's events cannot be written (%s): there will be no more of"
        " them, and metrics.jsonl has all numbers",
        textwrap.shorten(str(error), 200),
      )

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Writes numbers by name."""
    self._try("write_scalars", step, scalars)

  def write_images(self, step: int, images: dict[str, np.ndarray]) -> None:
    """Writes images by name."""
    self._try("write_images", step, images)

  def flush(self) -> None:
    """Makes what was written visible."""
    self._try("flush")

  def close(self) -> None:
    """Ends writing."""
    self._try("close")


class UploadedEvents:
  """TensorBoard's events in a folder of this machine, copied to a store."""

  def __init__(self, make, place: pathlib.Path):
    """Makes the folder.

    Args:
      make: the writer for a folder.
      place: the address to copy to.
    """
    self._folder = tempfile.TemporaryDirectory(prefix="srfeat_events_")
    self._place = place
    self._writer = make(self._folder.name)
    self._uploaded = time.monotonic()

  def write_scalars(self, step: int, scalars: dict) -> None:
    """Writes numbers by name."""
    self._writer.write_scalars(step, scalars)

  def write_images(self, step: int, images: dict[str, np.ndarray]) -> None:
    """Writes images by name."""
    self._writer.write_images(step, images)

  def flush(self) -> None:
    """Copies what there is, if it is time."""
    if time.monotonic() - self._uploaded >= _UPLOAD_SECONDS:
      self._writer.flush()
      self._upload()

  def _upload(self) -> None:
    try:
      places.upload(pathlib.Path(self._folder.name), self._place)
    except places.failures() as error:
      logging.warning(
        "TensorBoard's events could not be copied to %s (%s)",
        self._place,
        places.reason(error),
      )
    self._uploaded = time.monotonic()

  def close(self) -> None:
    """Copies the rest."""
    self._writer.close()
    self._upload()
    self._folder.cleanup()


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


def _line(step: int, scalars: dict) -> str:
  numbers = {name: float(value) for name, value in scalars.items()}
  return json.dumps({"step": step, **numbers})


def _joined(lines: list[str]) -> bytes:
  return "".join(f"{line}\n" for line in lines).encode()


def _kept(path: pathlib.Path, first_step: int, validates: bool) -> list[str]:
  """Lines of before that still count."""
  try:
    if first_step == 0 or not path.exists():
      return []
    lines = path.read_bytes().decode(errors="replace").splitlines()
  except places.failures() as error:
    raise errors.InputError(
      f"{path} cannot be read: {places.reason(error)}"
    ) from error
  return [line for line in lines if _counts(line, first_step, validates)]


def _unwritten(path: pathlib.Path, error: OSError) -> errors.InputError:
  return errors.InputError(
    f"{path} cannot be written ({error.strerror}): checkpoints are whole, so"
    " solve that and run the same command again"
  )


def _counts(line: str, first_step: int, validates: bool) -> bool:
  """Whether a line is still true of a run that goes on after a step."""
  try:
    scalars = json.loads(line)
    step = scalars["step"]
  except (json.JSONDecodeError, KeyError, TypeError):
    return False  # cut off by a kill
  if step == first_step and validates:
    return not any(name.startswith("eval/") for name in scalars)
  return step <= first_step
