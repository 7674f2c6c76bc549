"""Scores of an upscaler on benchmark sets.

Images are spread over all JAX processes, and in each over its devices.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent import futures
from typing import Any

import jax
import numpy as np
import tqdm
from jax.experimental import multihost_utils

from srfeat_jax import errors
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import lpips as lpips_lib
from srfeat_jax.evaluation import metric as metric_lib
from srfeat_jax.evaluation import own_metric
from srfeat_jax.evaluation import protocol as protocols

OnImage = Callable[[str, str, np.ndarray, np.ndarray, np.ndarray], object]
Upscale = Callable[[np.ndarray], np.ndarray]


def evaluate(
  upscale: Upscale | Sequence[Upscale],
  sets: Sequence[benchmarks.BenchmarkSet],
  protocol: protocols.Protocol = protocols.MATLAB,
  scale: int = 4,
  on_image: OnImage | None = None,
  lpips: lpips_lib.Metric | None = None,
  own: Sequence[own_metric.Metric] = (),
  more: Sequence[metric_lib.Metric] = (),
  timed: bool = False,
) -> dict[str, Any]:
  """Upscales and measures every image.

  With several JAX processes all of them must call this with the same sets; each
  takes its share of the images and all return the same results, except for
  times, which are those of the process that measured the image.

  Args:
    upscale: maps uint8 [h, w, 3] or [h, w] to uint8 of `scale` times that size;
      or one such function for each of this process's devices, which are then
      called at the same time, each for images of its own.
    sets: what `protocol.load` returned.
    protocol: how to measure.
    scale: scale factor.
    on_image: called with the names of the set and the image, and with lr, sr
      and hr, by the process that measured the image; by one thread at a time.
    lpips: if present, measures the perceptual distance as well.
    own: a person's own metrics, likewise.
    more: other metrics, likewise.
    timed: whether to measure the time that `upscale` takes. It is called twice
      for the first image of a size, which may compile a program.

  Returns:
    {"protocol": {"name": .., "description": .., "scale": ..},
     "sets": {"Set5": {"psnr_y": .., "ssim_y": .., ..., "images": {
       "baby": {"psnr_y": .., "ssim_y": .., ...}, ...}}, ...}}
    with the keys of `Protocol.measure`. A set's value is the mean over its
    images, see `protocol.set_value`. PSNR is in dB, and infinite where an image
    equals its target. With `lpips`, images and sets have "lpips" too, and the
    description of the metric is under "lpips" next to "sets"; with `own`, they
    have these metrics, and where they are from is under "own_metrics"; with
    `more`, likewise, and descriptions are under "metrics". Where a metric is
    not defined it is NaN. With `timed`, "speed" has
    {"Set5": {"seconds": .., "megapixels_per_second": .., "images":
    {"baby": ..}}}: of output, in seconds for an image.

  Raises:
    errors.InputError: an image cannot be read or is too small to be measured,
      or a metric fails.
  """
  jobs = [(each.name, image) for each in sets for image in each.images]
  added: dict[str, metric_lib.Metric | own_metric.Metric] = {
    each.name: each for each in more
  }
  added |= {each.name: each for each in own}
  if lpips:
    added = {"lpips": lpips, **added}
  metrics = (*protocol.metrics(scale), *added)
  # Scores, seconds, and megapixels of output.
  measured = np.zeros((len(jobs), len(metrics) + 2))
  mine = range(jax.process_index(), len(jobs), jax.process_count())
  keep_lock, seen_sizes = threading.Lock(), set()

  def measure(index: int, function: Upscale, device: int) -> None:
    set_name, image = jobs[index]
    lr, hr = protocol.pair(image, scale)
    if timed and (device, lr.shape) not in seen_sizes:
      seen_sizes.add((device, lr.shape))
      function(lr)
    start = time.perf_counter()
    sr = function(lr)
    seconds = time.perf_counter() - start
    values = protocol.measure(sr, hr, scale)
    for name, metric in added.items():
      values[name] = _value(metric, sr, hr, f"{set_name} {image.name}")
    megapixels = sr.shape[0] * sr.shape[1] / 1e6
    measured[index] = [*(values[each] for each in metrics), seconds, megapixels]
    if on_image:
      with keep_lock:
        on_image(set_name, image.name, lr, sr, hr)

  _share_out(measure, mine, [upscale] if callable(upscale) else upscale)
  gathered = _gathered(measured)
  results = _results(sets, metrics, gathered[:, :-2])
  return {
    "protocol": {
      "name": protocol.name,
      "description": protocol.description,
      "scale": scale,
    },
    **({"lpips": lpips.description} if lpips else {}),
    **(
      {"metrics": {each.name: each.description for each in more}}
      if more
      else {}
    ),
    **(
      {"own_metrics": {each.name: each.source for each in own}} if own else {}
    ),
    **({"speed": _speed(sets, gathered[:, -2:])} if timed else {}),
    "sets": results,
  }


def _share_out(
  measure: Callable[[int, Upscale, int], None],
  indices: Sequence[int],
  upscalers: Sequence[Upscale],
) -> None:
  """Measures all images, at the same time on as many devices as upscalers."""
  with tqdm.tqdm(
    total=len(indices), desc="evaluate", leave=False, disable=None
  ) as bar:
    if len(upscalers) == 1:
      for index in indices:
        measure(index, upscalers[0], 0)
        bar.update()
      return
    remaining = iter(indices)
    lock = threading.Lock()

    def next_ones() -> Generator[int]:
      while True:
        with lock:
          index = next(remaining, None)
        if index is None:
          return
        yield index

    def work(number: int) -> None:
      device = jax.local_devices()[number]
      with jax.default_device(device), contextlib.closing(next_ones()) as ones:
        for index in ones:
          try:
            measure(index, upscalers[number], number)
          except BaseException:
            for _ in ones:  # the others need not go on
              pass
            raise
          with lock:
            bar.update()

    with futures.ThreadPoolExecutor(len(upscalers)) as pool:
      for _ in pool.map(work, range(len(upscalers))):
        pass


def _results(sets, metrics, scores: np.ndarray) -> dict[str, Any]:
  """Scores [images, metrics] by set and image, with the sets' values."""
  rows = iter(scores.tolist())
  results = {}
  for each in sets:
    images = {
      image.name: dict(zip(metrics, next(rows), strict=True))
      for image in each.images
    }
    means = {
      metric: protocols.set_value(
        metric, [scores[metric] for scores in images.values()]
      )
      for metric in metrics
    }
    results[each.name] = {**means, "images": images}
  return results


def _speed(sets, measured: np.ndarray) -> dict[str, Any]:
  """Times of [images, (seconds, megapixels)] by set."""
  results, rows = {}, iter(measured)
  for each in sets:
    part = np.array([next(rows) for _ in each.images])
    seconds, megapixels = part.sum(axis=0)
    results[each.name] = {
      "seconds": float(seconds / len(part)),
      "megapixels_per_second": float(megapixels / max(seconds, 1e-9)),
      "images": {
        image.name: float(time)
        for image, time in zip(each.images, part[:, 0], strict=True)
      },
    }
  return results


def _value(
  metric: metric_lib.Metric | own_metric.Metric, sr, hr, name: str
) -> float:
  try:
    return metric(sr, hr)
  except errors.InputError as error:
    raise errors.InputError(f"{name}: {error}") from error


def _gathered(scores: np.ndarray) -> np.ndarray:
  """Merges [images, numbers] of all processes, of which each has some rows."""
  processes = jax.process_count()
  if processes == 1:
    return scores
  # As bytes, because JAX would round float64 to float32.
  everyone = multihost_utils.process_allgather(scores.view(np.uint8))
  everyone = np.ascontiguousarray(everyone).view(scores.dtype)
  images = np.arange(len(scores))
  return everyone[images % processes, images]
