"""Batches of crops from sources, sharded by process and restartable.

The batches depend only on the seed and the sources: not on the number of
processes (each gets its rows of the global batch), not on the number of worker
processes, and not on where the run was stopped and restored.
"""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from typing import Any

import grain
import numpy as np

from srfeat_jax import errors
from srfeat_jax.data import pairs, placements

_PREFETCHED_BATCHES = 4
_READ_THREADS = 8


def create(
  sources: Sequence[Any],
  weights: list[float],
  *,
  crop_size: int,
  crop: str,
  augment: bool,
  batch_size: int,
  seed: int,
  process_index: int = 0,
  process_count: int = 1,
  num_workers: int = 0,
) -> Any:
  """Makes the endless iterator of training batches.

  Args:
    sources: random-access sources, see `sources.create`.
    weights: how often each source is drawn from; they sum to 1.
    crop_size: pixels on each side of a crop; no image may be smaller.
    crop: "random", anywhere in the image, or "center".
    augment: flip and rotate each crop at random, all eight ways equally often.
    batch_size: of all processes together.
    seed: of the order of images and the positions of crops.
    process_index: which rows of the global batch to return.
    process_count: the number of processes that share a batch.
    num_workers: processes that read and crop; 0 uses threads of this one.

  Returns:
    An iterator of uint8 `[batch_size / process_count, crop_size, crop_size, 3]`
    with `get_state()`, a small JSON-able dict, and `set_state(state)`. If a
    source has pairs, it is of dicts: such HR crops as "hr", "lr" of the size
    divided by the scale, and, if another has none, "is_pair", see
    `pairs.entry`. If the sources are `placements.Placements`, it has in place
    of crops their `placements.numbers`, int32 `[..., 5]`.

  Raises:
    errors.InputError: `crop` is neither "random" nor "center".
  """
  if crop not in ("random", "center"):
    raise errors.InputError(
      f'config.data.crop is "{crop}": expected "random" or "center"'
    )
  parts = [
    grain.MapDataset.source(source).seed(seed + i).shuffle().repeat()
    for i, source in enumerate(sources)
  ]
  dataset = parts[0]
  if len(parts) > 1:
    dataset = grain.MapDataset.mix(parts, weights)
  dataset = dataset.seed(seed)
  scale = _pair_scale(sources)
  if crop == "random":
    dataset = dataset.random_map(_RandomCrop(crop_size, scale))
  else:
    dataset = dataset.map(_CenterCrop(crop_size, scale))
  if augment:
    dataset = dataset.random_map(_Augment())
  if scale and all(map(_has_pairs, sources)):
    dataset = dataset.map(pairs.Pair._asdict)
  elif scale:
    dataset = dataset.map(_Entry(crop_size, scale))
  if isinstance(sources[0], placements.Placements):
    dataset = dataset.map(placements.numbers)
  if num_workers:
    dataset = dataset.map(_EndsWithParent())
  batches = grain.experimental.ElasticIterator(
    dataset,
    batch_size,
    grain.sharding.ShardOptions(process_index, process_count),
    read_options=grain.ReadOptions(
      num_threads=_READ_THREADS,
      prefetch_buffer_size=max(
        _READ_THREADS, _PREFETCHED_BATCHES * batch_size // process_count
      ),
    ),
    multiprocessing_options=grain.multiprocessing.MultiprocessingOptions(
      num_workers=num_workers
    )
    if num_workers
    else None,
  )
  return iter(
    grain.experimental.ThreadPrefetchIterDataset(
      batches, prefetch_buffer_size=_PREFETCHED_BATCHES
    )
  )


def _has_pairs(source: Any) -> bool:
  return getattr(source, "pair_scale", None) is not None


def _pair_scale(sources: Sequence[Any]) -> int | None:
  """The scale factor of the pairs that sources have, None if there are none."""
  return next((x.pair_scale for x in sources if _has_pairs(x)), None)


class _RandomCrop(grain.transforms.RandomMap):
  def __init__(self, size: int, pair_scale: int | None):
    self._size = size
    self._scale = pair_scale

  def random_map(self, image, rng):
    if isinstance(image, pairs.Pair):
      return pairs.random_crop(image, self._size, self._scale, rng)
    top = rng.integers(image.shape[0] - self._size + 1)
    left = rng.integers(image.shape[1] - self._size + 1)
    return image[top : top + self._size, left : left + self._size]


class _CenterCrop(grain.transforms.Map):
  def __init__(self, size: int, pair_scale: int | None):
    self._size = size
    self._scale = pair_scale

  def map(self, image):
    if isinstance(image, pairs.Pair):
      return pairs.center_crop(image, self._size, self._scale)
    top = (image.shape[0] - self._size) // 2
    left = (image.shape[1] - self._size) // 2
    return image[top : top + self._size, left : left + self._size]


class _Augment(grain.transforms.RandomMap):
  def random_map(self, image, rng):
    turns, flips = rng.integers(4), rng.integers(2)
    if isinstance(image, pairs.Pair):
      return pairs.Pair(*(_oriented(each, turns, flips) for each in image))
    return _oriented(image, turns, flips)


class _Entry(grain.transforms.Map):
  def __init__(self, size: int, pair_scale: int):
    self._size = size
    self._scale = pair_scale

  def map(self, image):
    return pairs.entry(image, self._size, self._scale)


def _oriented(
  image: np.ndarray | placements.Placement, turns: int, flips: int
) -> np.ndarray | placements.Placement:
  if isinstance(image, placements.Placement):
    return image.oriented(turns, flips)
  image = np.rot90(image, turns)
  return image[:, ::-1] if flips else image


class _EndsWithParent(grain.transforms.Map):
  """Ends a worker process when the run has ended; changes no image.

  Without it, the workers of a run that was killed would wait for it forever.
  """

  def map(self, image):
    return image

  def __reduce__(self):
    return _watch_parent, ()


def _watch_parent() -> _EndsWithParent:
  parent = multiprocessing.parent_process()
  if parent is not None:

    def wait():
      parent.join()
      os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
  return _EndsWithParent()
