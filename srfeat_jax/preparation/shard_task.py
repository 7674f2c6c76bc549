"""One shard: what a worker process reads, cuts and writes.

A shard is complete when its note, a JSON file in the set's `.progress`, is
there. It depends on nothing but its task, so that it is the same whenever and
by whichever process it is made.
"""

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import pathlib
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from srfeat_jax import atomic, errors
from srfeat_jax.data import fingerprints, manifest, pairs, records, shards
from srfeat_jax.image_io import images
from srfeat_jax.preparation import recipes

PART = ".part"  # extension of a shard that is being written


@dataclasses.dataclass(frozen=True)
class File:
  """An image to read.

  Attributes:
    path: of the file.
    name: that the set knows it by.
    others: files of its LR image, "lr", and of a teacher's output, "teacher";
      none where LR is made from HR while training.
  """

  path: str
  name: str
  others: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Task:
  """What a shard is made from.

  Attributes:
    output: the folder of the set.
    name: of the shard.
    files: in the order of its records.
    recipe: what is cut from each.
    encoding: of the records.
    lr_scale: how many times larger HR is than the LR images of the files; None
      if they have none.
  """

  output: str
  name: str
  files: Sequence[File]
  recipe: recipes.Recipe
  encoding: str
  lr_scale: int | None = None

  @property
  def note(self) -> pathlib.Path:
    """The file that is there when the shard is complete."""
    return pathlib.Path(self.output, manifest.PROGRESS, f"{self.name}.json")


class Stopped(Exception):
  """The shard is not needed any more."""


_records_done: Any = None  # shared with the process that started this one
_stopping: Any = None


def start_worker(records_done: Any, stopping: Any) -> None:
  """Prepares a process for tasks, which ends with the one that started it.

  Args:
    records_done: a shared counter of records.
    stopping: a shared event: shards end at the next image.
  """
  global _records_done, _stopping
  _records_done, _stopping = records_done, stopping
  parent = multiprocessing.parent_process()
  if parent is None:
    return
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's affair

  def wait():
    parent.join()
    os._exit(1)

  threading.Thread(target=wait, daemon=True).start()


def run(task: Task) -> None:
  """Writes a shard, then its note.

  Raises:
    errors.InputError: it cannot be written.
    Stopped: it was not finished because it was asked to stop.
  """
  path = pathlib.Path(task.output, task.name)
  temporary = path.with_name(f".{secrets.token_hex(8)}{PART}")
  entries: list[dict[str, Any]] = []
  try:
    count = shards.write(temporary, _records(task, entries))
    with temporary.open("rb") as file:
      digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = temporary.stat().st_size
    os.replace(temporary, path)
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be written: {error.strerror}"
    ) from error
  except errors.InputError as error:
    raise errors.InputError(
      str(error).replace(str(temporary), str(path))
    ) from error
  finally:
    with contextlib.suppress(OSError):
      temporary.unlink(missing_ok=True)
  shard = manifest.Shard(task.name, count, size, digest)
  note = {"shard": dataclasses.asdict(shard), "files": entries}
  atomic.replace(task.note, json.dumps(note).encode())


def _records(task: Task, entries: list[dict[str, Any]]) -> Iterator[bytes]:
  """Yields the records of a shard, and appends an entry for each file."""
  for file in task.files:
    if _stopping is not None and _stopping.is_set():
      raise Stopped
    try:
      pair = _read(file, task.lr_scale)
    except errors.InputError as error:
      problem = str(error).removeprefix(f"{file.path} ")
      entries.append({"file": file.name, "skipped": problem, "damaged": True})
      continue
    height, width = pair.hr.shape[:2]
    with open(file.path, "rb") as handle:
      digest = hashlib.file_digest(handle, "sha256").hexdigest()
    count = 0
    for crop in task.recipe.cut(pair.hr, file.name):
      about = {"file": file.name, **crop.about}
      record = records.Record(crop.image, pair.lr, about, pair.teacher)
      yield records.encode(record, task.encoding)
      count += 1
      if _records_done is not None:
        with _records_done.get_lock():
          _records_done.value += 1
    size = task.recipe.record_size(height, width)
    if task.lr_scale:
      size = tuple(task.lr_scale * side for side in pair.lr.shape[:2])
    entries.append(
      {
        "file": file.name,
        "bytes": os.path.getsize(file.path),
        "sha256": digest,
        "height": height,
        "width": width,
        "records": count,
        "size": size,
        "fingerprint": fingerprints.of_image(pair.hr).tobytes().hex(),
      }
    )


def _read(file: File, scale: int | None) -> pairs.Pair:
  """An HR image and what there is beside it.

  Raises:
    errors.InputError: one cannot be read, or has a size that does not fit.
  """
  if scale is None:
    return pairs.Pair(images.read_rgb(file.path), None)
  return pairs.read(pairs.Pair(file.path, **file.others), scale)
