"""Batches whose crops the devices cut, out of images in their own memory.

The host draws positions alone, as `data.pipeline` draws them for crops: so the
crops are the same, and so is the state from which a run resumes. They are cut
by a program of their own, not within that of the step: so the step is the same
program, and rounds alike.
"""

import concurrent.futures
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
import tqdm
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from srfeat_jax import errors
from srfeat_jax.batches import (
  device_images,
  device_memory,
  on_host,
  training_images,
)
from srfeat_jax.data import packing, placements
from srfeat_jax.training import parallel


class Batches:
  """An endless iterator of the same batches as `on_host.Batches`."""

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    images: training_images.TrainingImages,
    mesh: Mesh,
    batch_size: int | None = None,
  ):
    """Plans where images will lie; nothing is decoded yet.

    Args:
      config: of the run; read are `data`, `crop_size`, `batch_size` and `seed`.
      images: what crops are drawn from.
      mesh: all devices.
      batch_size: crops of each batch; None for `config.batch_size`.

    Raises:
      errors.InputError: they do not fit in the memory of the devices.
    """
    self._config = config
    self._batch_size = batch_size or config.batch_size
    self._weights = images.weights
    self._sources = [cached.source for cached in images.sources]
    self._mesh = mesh
    # Of all sources, one after the other.
    self._items = [
      (source, index)
      for source in self._sources
      for index in range(len(source))
    ]
    self._sizes = [size for source in self._sources for size in source.sizes]
    num_bytes = [placements.num_bytes(size) for size in self._sizes]
    room = device_memory.room(mesh)
    self._packing = packing.pack(num_bytes, devices=1)
    self._is_split = device_memory.is_split(self._packing.num_bytes, room)
    if self._is_split:
      self._packing = packing.pack(num_bytes, room.devices)
    self._scale = max(cached.pair_scale or 1 for cached in images.sources)
    self._images_sharding = device_images.sharding(mesh, self._is_split)
    self._cut_crops = jax.jit(
      self._crops,
      in_shardings=(self._images_sharding, parallel.split(mesh)),
      out_shardings=parallel.split(mesh),
    )
    self._images: jax.Array | None = None
    self._places: Any = None
    self._state: dict | None = None

  def load(self) -> None:
    """Decodes all images and puts them into the devices' memory, once.

    Raises:
      errors.InputError: an image is not what it was when it was planned, all
        of a folder are damaged, or a prepared set is.
    """
    damaged = np.zeros(len(self._items), bool)
    shape = self._packing.num_rows, self._packing.row_bytes
    self._images = device_images.upload(
      shape, self._images_sharding, lambda rows: self._rows(rows, damaged)
    )
    if jax.process_count() > 1:
      damaged = multihost_utils.process_allgather(damaged).any(0)
    sources, first = [], 0
    for source in self._sources:
      part = slice(first, first + len(source))
      (found,) = np.nonzero(damaged[part])
      places = self._packing.places[part]
      sources.append(placements.Placements(source, places, found.tolist()))
      first = part.stop
    self._places = on_host.draw(
      self._config, sources, self._weights, self._batch_size, num_workers=0
    )
    if self._state is not None:
      self._places.set_state(self._state)
    if jax.process_index() == 0:
      print(self._summary())

  def __next__(self) -> Any:
    return self.cut(self.next_places())

  def next_places(self) -> Any:
    """What the host draws of a batch: `placements.numbers`, on the devices."""
    return parallel.to_global(next(self._places), self._mesh)

  def cut(self, places: Any) -> Any:
    """The batch that `next_places` stands for; the host does not wait."""
    return self._cut_crops(self._images, places)

  def _crops(self, images: jax.Array, places: Any) -> Any:
    """The crops of a batch of `placements.numbers`."""
    size = self._config.crop_size

    def cut(places: jax.Array, size: int) -> jax.Array:
      return device_images.cut(images, places, size, self._mesh, self._is_split)

    if not isinstance(places, Mapping):
      return cut(places, size)
    sizes = {"hr": size, "lr": size // self._scale, "teacher": size}
    return {
      name: cut(value, sizes[name]) if name in sizes else value
      for name, value in places.items()
    }

  def get_state(self) -> dict:
    """The position in the data, JSON-able."""
    return self._places.get_state()

  def set_state(self, state: dict) -> None:
    """Continues where `get_state` was called; comes before `load`."""
    self._state = state

  def close(self) -> None:
    """Lets go of the images."""
    if self._places is not None:
      self._places.close()
    self._images = self._places = None

  def _rows(
    self, rows: Sequence[int], damaged: np.ndarray
  ) -> Iterator[np.ndarray]:
    """Yields these rows with their images, and notes which are damaged."""
    places = self._packing.places
    of_rows = [np.flatnonzero(places.rows == row) for row in rows]
    with (
      concurrent.futures.ThreadPoolExecutor() as pool,
      tqdm.tqdm(
        desc="images into device memory",
        total=sum(map(len, of_rows)),
        unit="image",
        delay=1,
        leave=False,
        disable=jax.process_index() != 0 or None,  # on a terminal only
      ) as progress,
    ):
      for items in of_rows:
        row = np.zeros(self._packing.row_bytes, np.uint8)

        def fill(item: int, row=row) -> None:
          damaged[item] = not self._fill(row[places.starts[item] :], item)

        for _ in pool.map(fill, items):
          progress.update()
        yield row

  def _fill(self, destination: np.ndarray, item: int) -> bool:
    """Writes an image or pair; False if it is damaged."""
    source, index = self._items[item]
    image = source.read(index)
    if image is None:
      return False
    start = 0
    parts = placements.parts_of(image)
    for name, size in placements.parts_of(self._sizes[item]).items():
      part = parts[name]
      if part.shape[:2] != size:
        raise errors.InputError(
          f"image {index} of {source.location} has {part.shape[1]}x"
          f"{part.shape[0]} pixels, and had {size[1]}x{size[0]} when the run"
          " began: start it again, and leave the training images as they are"
        )
      destination[start : start + part.size] = part.ravel()
      start += part.size
    return True

  def _summary(self) -> str:
    devices = self._mesh.size
    how = "divided between" if self._is_split else "copied to each of"
    where = f"{how} {devices} devices" if devices > 1 else "on the device"
    size = self._packing.num_bytes
    return f"{len(self._items):,} images, {size / 1e9:.3g} GB, {where}"
