"""Batches whose crops the host cuts, and sends to the devices."""

from typing import Any

import jax
import ml_collections
from jax.sharding import Mesh

from srfeat_jax.batches import training_images
from srfeat_jax.data import pipeline, threads
from srfeat_jax.training import parallel


def crops(
  config: ml_collections.ConfigDict,
  images: training_images.TrainingImages,
  batch_size: int | None = None,
) -> Any:
  """This process's share of the crops of each batch.

  Args:
    config: of the run; read are `data`, `crop_size`, `batch_size` and `seed`.
    images: what crops are drawn from.
    batch_size: crops of each batch; None for `config.batch_size`.

  Returns:
    An endless iterator of uint8 `[b / P, H, W, 3]` in each of P processes, or
    of batches with pairs, see `pipeline.create`, to be closed.
  """
  return draw(
    config,
    images.sources,
    images.weights,
    batch_size or config.batch_size,
    threads.workers(config.data.num_workers),
  )


def draw(
  config: ml_collections.ConfigDict,
  sources,
  weights,
  batch_size: int,
  num_workers: int,
) -> Any:
  """`pipeline.create` with what the config says; see there."""
  return pipeline.create(
    sources,
    weights,
    crop_size=config.crop_size,
    crop=config.data.crop,
    augment=config.data.augment,
    batch_size=batch_size,
    seed=config.seed,
    process_index=jax.process_index(),
    process_count=jax.process_count(),
    num_workers=num_workers,
    crops_per_image=config.data.crops_per_image,
  )


class Batches:
  """An endless iterator of batches, divided between the devices.

  They are uint8 crops `[b, H, W, 3]`, or such with pairs, see `crops`.
  """

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    images: training_images.TrainingImages,
    mesh: Mesh,
    batch_size: int | None = None,
  ):
    """Starts reading.

    Args:
      config: see `crops`.
      images: what crops are drawn from.
      mesh: all devices.
      batch_size: see `crops`.
    """
    self._mesh = mesh
    self._crops = crops(config, images, batch_size)

  def load(self) -> None:
    """Must be called before the first batch."""

  def __next__(self) -> Any:
    return parallel.to_global(next(self._crops), self._mesh)

  def get_state(self) -> dict:
    """The position in the data, JSON-able."""
    return self._crops.get_state()

  def set_state(self, state: dict) -> None:
    """Continues where `get_state` was called."""
    self._crops.set_state(state)

  def close(self) -> None:
    """Ends reading ahead."""
    self._crops.close()
