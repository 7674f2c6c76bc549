"""ArrayRecord files: records of bytes, read in any order.

Each record is a group of its own, uncompressed: images hardly compress, and a
group is decompressed as a whole. The format keeps checksums, so that damage is
noticed when a record is read.
"""

import os
import threading
from collections.abc import Iterable, Sequence

from array_record.python import array_record_module

from srfeat_jax import errors

_WRITER = "group_size:1,uncompressed,max_parallelism:1"
_READER = "readahead_buffer_size:0,max_parallelism:0"


def write(path: str | os.PathLike, records: Iterable[bytes]) -> int:
  """Writes a file of records; what it leaves behind on an error is damaged.

  Args:
    path: the file.
    records: made one at a time, so that not all are in memory.

  Returns:
    The number of records.

  Raises:
    errors.InputError: the file cannot be written.
  """
  count = 0
  try:
    writer = array_record_module.ArrayRecordWriter(os.fspath(path), _WRITER)
    for record in records:
      writer.write(record)
      count += 1
    writer.close()
    with open(path, "rb") as file:
      os.fsync(file.fileno())  # or a crash may leave an empty file
  except (OSError, RuntimeError, ValueError) as error:
    raise errors.InputError(
      f"{path} cannot be written: {_reason(error)}"
    ) from error
  return count


class Shards:
  """The records of several files, numbered one file after the other.

  Files are opened when they are first read, and again in each process that the
  object is sent to. Thread-safe.
  """

  def __init__(self, paths: Sequence[str | os.PathLike], counts: Sequence[int]):
    """Opens nothing yet.

    Args:
      paths: the files.
      counts: the number of records in each.
    """
    self._paths = [os.fspath(path) for path in paths]
    self._counts = list(counts)
    self._places = [
      (shard, i)
      for shard, count in enumerate(self._counts)
      for i in range(count)
    ]
    self._readers = {}
    self._lock = threading.Lock()

  def __reduce__(self):
    return Shards, (self._paths, self._counts)

  def __len__(self) -> int:
    return len(self._places)

  def __getitem__(self, index: int) -> bytes:
    """Reads a record.

    Raises:
      errors.InputError: its file is missing or damaged.
    """
    shard, position = self._places[index]
    try:
      return self._reader(shard).read([position])[0]
    except (OSError, RuntimeError, ValueError, IndexError) as error:
      raise errors.InputError(
        f"{self.path_of(index)} is damaged or missing ({_reason(error)}): copy"
        " it again, or run the same command of srfeat_jax.prepare, which makes"
        " this file again"
      ) from error

  def path_of(self, index: int) -> str:
    """Returns the file that holds a record."""
    return self._paths[self._places[index][0]]

  def _reader(self, shard: int):
    with self._lock:
      if shard not in self._readers:
        path = self._paths[shard]
        with open(path, "rb"):  # the library's own message is about its code
          pass
        reader = array_record_module.ArrayRecordReader(path, _READER)
        if reader.num_records() != self._counts[shard]:
          raise ValueError(
            f"it has {reader.num_records()} records, expected"
            f" {self._counts[shard]}"
          )
        self._readers[shard] = reader
      return self._readers[shard]


def _reason(error: Exception) -> str:
  """What a library says, in one line without its file and line numbers."""
  if isinstance(error, OSError) and error.strerror:
    return error.strerror
  text = " ".join(str(error).split(";")[0].split())
  return text.removeprefix("write() failed: ")[:200] or type(error).__name__
