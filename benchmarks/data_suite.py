"""Crops per second that reach the device, from a folder of images."""

import os
import pathlib
import tempfile
import time

import jax
import numpy as np

from srfeat_jax.data import pipeline, sources
from srfeat_jax.image_io import images
from srfeat_jax.training import parallel

_SHAPES = {"srfeat": (296, 9), "esrgan": (128, 16), "srfeat_lite": (96, 16)}
_WORKERS = (0, 2)


def measure(seconds: float, tiny: bool = False) -> list[dict]:
  """Measures each shape of batch, with and without decoding every time.

  Args:
    seconds: how long each is measured.
    tiny: small images and one shape, to test the benchmark itself.

  Raises:
    errors.InputError: there are no training images.
  """
  if not tiny:
    return _measure(str(_photos()), _SHAPES, seconds)
  with tempfile.TemporaryDirectory() as folder:
    for i in range(8):
      image = np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)
      images.write(pathlib.Path(folder) / f"{i}.png", image)
    return _measure(folder, {"tiny": (16, 2)}, seconds)


def _photos() -> pathlib.Path:
  default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
  data = pathlib.Path(os.environ.get("SRFEAT_DATA") or default)
  return data / "train" / "photos"


def _measure(train: str, shapes: dict, seconds: float) -> list[dict]:
  results = []
  for name, (crop_size, batch_size) in shapes.items():
    for num_workers in _WORKERS:
      for cached in (False, True):
        rate = _crops_per_second(
          train, crop_size, batch_size, num_workers, cached, seconds
        )
        results.append(
          {
            "case": name,
            "crop_size": crop_size,
            "batch_size": batch_size,
            "workers": num_workers,
            "decoded_images_cached": cached,
            "crops_per_s": rate,
          }
        )
  return results


def _crops_per_second(
  train, crop_size, batch_size, num_workers, cached, seconds
) -> float:
  cache_bytes = 2 * 2**30 / max(1, num_workers) if cached else 0
  parts, weights = sources.create(train, crop_size, cache_bytes)
  batches = pipeline.create(
    parts,
    weights,
    crop_size=crop_size,
    crop="random",
    augment=True,
    batch_size=batch_size,
    seed=0,
    num_workers=num_workers,
  )
  mesh = parallel.make_mesh()
  devices = jax.device_count()
  try:
    # Prefetched batches would count as made at once; and caches fill.
    warm_up = len(parts[0]) // batch_size if cached else 8
    for _ in range(max(8, warm_up)):
      next(batches)
    count, before = 0, time.perf_counter()
    while (passed := time.perf_counter() - before) < seconds:
      batch = next(batches)
      if batch_size % devices == 0:
        jax.block_until_ready(parallel.to_global(batch, mesh))
      else:
        jax.block_until_ready(jax.device_put(batch))
      count += batch_size
    return count / passed
  finally:
    batches.close()
