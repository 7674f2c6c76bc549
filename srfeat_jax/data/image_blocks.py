"""Batches of crops, several of which may be cut from one decoded image.

The dataset that batches are made from has a group at each index: k crops of one
image. Images come in blocks of `BLOCK`, and a block is gone through k times,
each time with another crop of each image. So `BLOCK` crops in a row are of as
many images, unless an epoch ends between them or there are fewer. With k = 1
this is the order of the images.

Of crop n of all processes, the image is thus number (n div B k) B + n mod B in
the order of images, where B is `BLOCK`, and the crop is number (n mod B k) div
B of its k. The position in the data is n.
"""

import itertools
import math
from collections.abc import Generator, Iterator
from typing import Any

import grain
import numpy as np
from absl import logging

from srfeat_jax import errors
from srfeat_jax.data import threads

BLOCK = 64  # images
# One second of what the fastest single device uses, 1,000 crops of 296 px.
_AHEAD_BYTES = 256 << 20
_AHEAD_BATCHES = 4
_STATE = "global_next_index"  # in checkpoints, also those of earlier versions
# Crops that a worker process sends at once: to send takes about as long as to
# cut a small one. So many sendings of each worker are made, sent and received.
_SENT = 4
_UNDERWAY = 3
_DIED = "Worker process was terminated"  # so begins what grain raises
_MOST_DEATHS = 3  # of workers, one after the other without a batch

Crop = np.ndarray | dict[str, np.ndarray]


class Batches(grain.IterDataset):
  """Endless batches, this process's share of each."""

  def __init__(
    self,
    groups: grain.MapDataset,
    *,
    batch_size: int,
    crops_per_image: int,
    crop_bytes: int,
    process_index: int,
    process_count: int,
    num_workers: int,
  ):
    """Reads nothing yet.

    Args:
      groups: endless; uint8 `[k, ...]` at each index, or a dict of such.
      batch_size: of all processes together, a multiple of their number.
      crops_per_image: k.
      crop_bytes: of each crop.
      process_index: which rows of the global batch to return.
      process_count: the number of processes that share a batch.
      num_workers: processes that read and crop; 0 uses threads of this one.
    """
    super().__init__()
    self._groups = groups
    self._process = process_index, process_count
    self._num_workers = num_workers
    self.share = batch_size // process_count
    self.batch_size = batch_size
    self._k = crops_per_image
    # All are the same for k = 1; this one keeps nothing.
    self._block = BLOCK if crops_per_image > 1 else process_count
    self._sent = max(1, _SENT // crops_per_image) if num_workers else 1
    self._options = read_options(
      self.share, crops_per_image, crop_bytes, num_workers, self._sent
    )

  def __iter__(self) -> "_BatchIterator":
    return _BatchIterator(self)

  def crops(self, position: int, opened: list[Any]) -> Generator[Crop]:
    """Yields this process's crops, from a position of all processes on.

    Args:
      position: the number of crops that all processes have used.
      opened: to which what must be closed is appended.
    """
    index, count = self._process
    # Every `step`th image of a block is one of ours, in all k rounds.
    step = math.gcd(self._block, count)
    first = position + index
    block = first // (self._block * self._k)
    groups = self._read(block * self._block + first % step, step, opened)
    for start in itertools.count(
      block * self._block * self._k, self._block * self._k
    ):
      of_block = list(itertools.islice(groups, self._block // step))
      while first < start + self._block * self._k:
        turn, place = divmod(first - start, self._block)
        yield _at(of_block[place // step], turn)
        first += count

  def _read(self, start: int, step: int, opened: list[Any]) -> Iterator[Crop]:
    """Yields every `step`th group from one on, in order."""
    groups = self._groups[start::step]
    if self._sent > 1:
      groups = groups.batch(self._sent, drop_remainder=True)
    dataset = groups.to_iter_dataset(self._options)
    if self._num_workers:
      dataset = dataset.mp_prefetch(
        grain.multiprocessing.MultiprocessingOptions(self._num_workers)
      )
    opened.append(iter(dataset))
    if self._sent == 1:
      yield from opened[-1]
    for several in opened[-1]:
      for i in range(self._sent):
        yield _at(several, i)


class _BatchIterator(grain.DatasetIterator):
  """The iterator of `Batches`, whose state is the position in the data."""

  def __init__(self, batches: Batches):
    super().__init__()
    self._batches = batches
    self._opened: list[Any] = []
    self._position = 0
    self._crops: Generator[Crop] | None = None

  def __next__(self) -> Crop:
    """The next batch; if a worker process has died, from new ones.

    Raises:
      errors.InputError: they died, too.
    """
    for _ in range(_MOST_DEATHS):
      try:
        batch = self._next()
      except RuntimeError as error:
        if not str(error).startswith(_DIED):
          raise
        logging.warning(
          "a process that reads training images has died (%s): others go on"
          " from there",
          str(error).partition(".")[0],
        )
        died = error
        self.close()
      else:
        self._position += self._batches.batch_size
        return batch
    raise errors.InputError(
      f"processes that read training images died {_MOST_DEATHS} times in a row,"
      " as they do when the memory is used up: run the same command again with"
      " a smaller config.data.num_workers or config.data.cache_gib"
    ) from died

  def _next(self) -> Crop:
    if self._crops is None:
      self._crops = self._batches.crops(self._position, self._opened)
    return stack(list(itertools.islice(self._crops, self._batches.share)))

  def get_state(self) -> dict[str, int]:
    return {_STATE: self._position}

  def set_state(self, state: dict[str, int]) -> None:
    self.close()
    self._position = state[_STATE]

  def close(self) -> None:
    # It holds crops in memory that is shared with workers, to be given back.
    if self._crops is not None:
      self._crops.close()
    self._crops = None
    while self._opened:
      self._opened.pop().close()


def position(state: dict[str, int]) -> int:
  """How many crops come before an iterator's state."""
  return state[_STATE]


def read_options(
  share: int,
  crops_per_image: int,
  crop_bytes: int,
  num_workers: int,
  sent: int,
) -> grain.ReadOptions:
  """How many threads of each reading process read how far ahead.

  As many threads as there are cores, and two that wait for the disk. Crops that
  are read ahead of their use take at most 256 MiB, or are one element's, and
  of a worker four's.

  Args:
    share: crops of a batch that are this process's.
    crops_per_image: crops cut from each image.
    crop_bytes: of each crop.
    num_workers: processes that share the work; 0: this one does it alone.
    sent: images of an element.

  Returns:
    Options whose elements are `sent` images' crops each.
  """
  readers = max(1, num_workers)
  num_threads = max(1, threads.cores() // readers) + (1 if num_workers else 2)
  wanted = max(_AHEAD_BATCHES * share, 2 * readers * num_threads * sent)
  if crops_per_image > 1:
    wanted = max(wanted, BLOCK * crops_per_image)
  element = crops_per_image * sent
  most = _AHEAD_BYTES // crop_bytes
  if num_workers:
    most -= readers * _UNDERWAY * element
  elements = max(1, min(wanted, most) // (readers * element))
  return grain.ReadOptions(min(num_threads, elements), elements)


def stack(crops: list[Crop]) -> Crop:
  """Joins crops, or dicts of them, along a new first axis."""
  first: Any = crops[0]
  if not isinstance(first, dict):
    return np.stack(crops)  # type: ignore[arg-type]
  names: list[Any] = list(first)
  return {name: np.stack([crop[name] for crop in crops]) for name in names}


def _at(crops: Crop, index: int) -> Crop:
  """One of several crops along the first axis."""
  if isinstance(crops, dict):
    return {name: each[index] for name, each in crops.items()}
  return crops[index]
