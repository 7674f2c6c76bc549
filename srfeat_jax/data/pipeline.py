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
from srfeat_jax.data import image_blocks, pairs, placements


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
  crops_per_image: int = 1,
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
    crops_per_image: random crops that are cut from an image each time that it
      is decoded; `image_blocks` says in which order they come.

  Returns:
    An iterator of uint8 `[batch_size / process_count, crop_size, crop_size, 3]`
    with `get_state()`, a small JSON-able dict, and `set_state(state)`. If a
    source has pairs, it is of dicts: such HR crops as "hr", "lr" of the size
    divided by the scale, if they have a teacher's output that as "teacher", as
    large as HR, and, if another source has no pairs, "is_pair", see
    `pairs.entry`. If the sources are `placements.Placements`, it has in place
    of crops their `placements.numbers`, int32 `[..., 5]`.

  Raises:
    errors.InputError: `crop` is neither "random" nor "center", or several are
      to be cut from the center.
  """
  if crop not in ("random", "center"):
    raise errors.InputError(
      f'config.data.crop is "{crop}": expected "random" or "center"'
    )
  if crop == "center" and crops_per_image > 1:
    raise errors.InputError(
      f"config.data.crops_per_image is {crops_per_image}, and with"
      ' config.data.crop="center" all of them would be the same: set one of'
      ' them to 1 or to "random"'
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
    dataset = dataset.random_map(
      _RandomCrops(crop_size, scale, crops_per_image)
    )
  else:
    dataset = dataset.map(_CenterCrop(crop_size, scale))
  if augment:
    dataset = dataset.random_map(_Augment())
  mixed = not all(map(_has_pairs, sources))
  in_memory = isinstance(sources[0], placements.Placements)
  dataset = dataset.map(_Group(crop_size, scale, mixed, in_memory))
  if num_workers:
    dataset = dataset.map(_EndsWithParent())
  sides = [crop_size, crop_size // scale] if scale else [crop_size]
  if getattr(sources[0], "has_teacher", False):
    sides.append(crop_size)
  crop_bytes = sum(
    placements.NUMBERS_BYTES if in_memory else 3 * side**2 for side in sides
  )
  return iter(
    # One batch waits, and the next one is complete: nothing takes longer.
    grain.experimental.ThreadPrefetchIterDataset(
      image_blocks.Batches(
        dataset,
        batch_size=batch_size,
        crops_per_image=crops_per_image,
        crop_bytes=crop_bytes,
        process_index=process_index,
        process_count=process_count,
        num_workers=num_workers,
      ),
      prefetch_buffer_size=1,
    )
  )


def crops_before(state: dict[str, int]) -> int:
  """How many crops were drawn before, by the state of an iterator of batches.

  Those of all processes count, in batches of whatever size.
  """
  return image_blocks.position(state)


def _has_pairs(source: Any) -> bool:
  return getattr(source, "pair_scale", None) is not None


def _pair_scale(sources: Sequence[Any]) -> int | None:
  """The scale factor of the pairs that sources have, None if there are none."""
  return next((x.pair_scale for x in sources if _has_pairs(x)), None)


class _RandomCrops(grain.transforms.RandomMap):
  """Several crops of an image, as a list."""

  def __init__(self, size: int, pair_scale: int | None, count: int):
    self._size = size
    self._scale = pair_scale
    self._count = count

  def random_map(self, image, rng):
    return [self._crop(image, rng) for _ in range(self._count)]

  def _crop(self, image, rng):
    if isinstance(image, pairs.Pair):
      return pairs.random_crop(image, self._size, self._scale, rng)
    top = rng.integers(image.shape[0] - self._size + 1)
    left = rng.integers(image.shape[1] - self._size + 1)
    return image[top : top + self._size, left : left + self._size]


class _CenterCrop(grain.transforms.Map):
  """The center of an image, as a list of one crop."""

  def __init__(self, size: int, pair_scale: int | None):
    self._size = size
    self._scale = pair_scale

  def map(self, image):
    if isinstance(image, pairs.Pair):
      return [pairs.center_crop(image, self._size, self._scale)]
    top = (image.shape[0] - self._size) // 2
    left = (image.shape[1] - self._size) // 2
    return [image[top : top + self._size, left : left + self._size]]


class _Augment(grain.transforms.RandomMap):
  """Flips and rotates each crop of a list by itself."""

  def random_map(self, crops, rng):
    return [self._augment(crop, rng) for crop in crops]

  def _augment(self, crop, rng):
    turns, flips = rng.integers(4), rng.integers(2)
    if isinstance(crop, pairs.Pair):
      return crop.map(lambda each: _oriented(each, turns, flips))
    return _oriented(crop, turns, flips)


class _Group(grain.transforms.Map):
  """What batches are made from: the list's crops along a new first axis."""

  def __init__(
    self, size: int, pair_scale: int | None, mixed: bool, in_memory: bool
  ):
    self._size = size
    self._scale = pair_scale
    self._mixed = mixed  # some of the images are pairs, and others not
    self._in_memory = in_memory  # of devices: the crops are placements

  def map(self, crops):
    return image_blocks.stack([self._entry(crop) for crop in crops])

  def _entry(self, crop):
    if self._scale and self._mixed:
      crop = pairs.entry(crop, self._size, self._scale)
    elif self._scale:
      crop = crop.parts()
    return placements.numbers(crop) if self._in_memory else crop


def _oriented(
  image: np.ndarray | placements.Placement, turns: int, flips: int
) -> np.ndarray | placements.Placement:
  if isinstance(image, placements.Placement):
    return image.oriented(turns, flips)
  image = np.rot90(image, turns)
  image = image[:, ::-1] if flips else image
  oriented = np.empty(image.shape, np.uint8)
  for channel in range(3):  # four times as fast as all three at once
    oriented[..., channel] = image[..., channel]
  return oriented


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
