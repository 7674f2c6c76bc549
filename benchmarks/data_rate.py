"""Measures one row of `data_suite`; not meant to be called by hand.

  python -m benchmarks.data_rate REQUEST RESULT

REQUEST is a `Request` in JSON, RESULT the file to write.
"""

import contextlib
import dataclasses
import itertools
import json
import multiprocessing
import os
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from srfeat_jax import cli

_WARM_UP = 4  # batches; what is read ahead would count as made at once
_FEWEST = 8  # batches, of however many seconds
_BLOCK = 64  # images that `crops_per_image` goes through again and again


@dataclasses.dataclass(frozen=True)
class Request:
  """What is measured.

  Attributes:
    path: a folder of images or a prepared set.
    who: "ours", or what decodes for PyTorch: "pillow" or "opencv".
    workers: processes; 0: threads.
    crops_per_image: cut from each decoded image.
    cache_gib: memory for decoded images.
    on_device: "", or as of `data_suite.Row`.
    crop_size: pixels on each side.
    batch_size: crops.
    seconds: how long.
  """

  path: str
  who: str
  workers: int
  crops_per_image: int
  cache_gib: float
  on_device: str
  crop_size: int
  batch_size: int
  seconds: float


def main(argv: Sequence[str]) -> None:
  """Measures, and writes the result."""
  _, text, output = argv
  request = Request(**json.loads(text))
  ours = _on_device if request.on_device else _ours
  opened = ours if request.who == "ours" else _pytorch
  with opened(request) as (batches, warm_up):
    result = _measure(batches, warm_up, request)
  pathlib.Path(output).write_text(json.dumps(result))


@contextlib.contextmanager
def _ours(request: Request) -> Iterator[tuple[Iterator[Any], int]]:
  """Batches on the device, and after how many the speed is steady."""
  import jax

  from srfeat_jax.data import pipeline, sources

  cache_bytes = request.cache_gib * 2**30 / max(1, request.workers)
  parts, weights = sources.create(request.path, request.crop_size, cache_bytes)
  batches = pipeline.create(
    parts,
    weights,
    crop_size=request.crop_size,
    crop="random",
    augment=True,
    batch_size=request.batch_size,
    seed=0,
    num_workers=request.workers,
    crops_per_image=request.crops_per_image,
  )
  warm_up = _WARM_UP
  if request.cache_gib:
    warm_up += len(parts[0]) // request.batch_size + 1
  with contextlib.closing(batches):
    put = (jax.block_until_ready(jax.device_put(batch)) for batch in batches)
    yield put, warm_up


@contextlib.contextmanager
def _on_device(request: Request) -> Iterator[tuple[Iterator[Any], int]]:
  """Batches that devices cut, after all images are in their memory."""
  import jax

  from srfeat_jax.batches import on_device, training_images
  from srfeat_jax.configs import pretrain
  from srfeat_jax.training import parallel

  config = pretrain.get_config()
  config.data.train = request.path
  config.data.crops_per_image = request.crops_per_image
  config.crop_size, config.batch_size = request.crop_size, request.batch_size
  config.seed = 0
  found = training_images.find(config)
  batches = on_device.Batches(config, found, parallel.make_mesh())
  with contextlib.closing(batches):
    batches.load()
    places = batches.next_places()
    made = (
      batches.cut(places) if request.on_device == "cut" else next(batches)
      for _ in itertools.count()
    )
    yield map(jax.block_until_ready, made), _WARM_UP


@contextlib.contextmanager
def _pytorch(request: Request) -> Iterator[tuple[Iterator[Any], int]]:
  from benchmarks import peer_data

  loader = peer_data.loader(
    request.path,
    request.who,
    request.crop_size,
    request.batch_size,
    request.workers,
  )
  yield iter(loader), _WARM_UP


def _measure(batches: Iterator[Any], warm_up: int, request: Request) -> dict:
  # Whole blocks, for which each image is decoded once.
  block = _BLOCK * request.crops_per_image // request.batch_size
  unit = max(1, block) if request.crops_per_image > 1 else 1
  for _ in range(-(-warm_up // unit) * unit):
    next(batches)
  workers = [child.pid for child in multiprocessing.active_children()]
  cpu = _cpu_seconds(workers)
  start, count, passed = time.perf_counter(), 0, 0.0
  while passed < request.seconds or count < _FEWEST * request.batch_size:
    for _ in range(unit):
      next(batches)
    count += unit * request.batch_size
    passed = time.perf_counter() - start
  return {
    "crops_per_s": count / passed,
    "cpu_s_per_crop": (_cpu_seconds(workers) - cpu) / count,
    "main_bytes": _peak_bytes("self"),
    "worker_bytes": max(map(_peak_bytes, workers), default=0),
  }


def _cpu_seconds(workers: Sequence[int | None]) -> float:
  """Of this process and of others, in user and in system mode."""
  ticks = 0
  for pid in workers:
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
  return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _peak_bytes(pid: int | str | None) -> int:
  """The most memory that a process had so far, what it shares included."""
  for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
    if line.startswith("VmHWM:"):
      return int(line.split()[1]) << 10
  return 0


if __name__ == "__main__":
  cli.run(main)
