"""Scores of an upscaler on benchmark sets, spread over all JAX processes."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import tqdm
from jax.experimental import multihost_utils

from srfeat_jax import errors
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import lpips as lpips_lib
from srfeat_jax.evaluation import own_metric
from srfeat_jax.evaluation import protocol as protocols

OnImage = Callable[[str, str, np.ndarray, np.ndarray, np.ndarray], object]


def evaluate(
  upscale: Callable[[np.ndarray], np.ndarray],
  sets: Sequence[benchmarks.BenchmarkSet],
  protocol: protocols.Protocol = protocols.MATLAB,
  scale: int = 4,
  on_image: OnImage | None = None,
  lpips: lpips_lib.Metric | None = None,
  own: Sequence[own_metric.Metric] = (),
) -> dict[str, Any]:
  """Upscales and measures every image.

  With several JAX processes all of them must call this with the same sets; each
  takes its share of the images and all return the same results.

  Args:
    upscale: maps uint8 [h, w, 3] or [h, w] to uint8 of `scale` times that size.
    sets: what `protocol.load` returned.
    protocol: how to measure.
    scale: scale factor.
    on_image: called with the names of the set and the image, and with lr, sr
      and hr, by the process that measured the image.
    lpips: if present, measures the perceptual distance as well.
    own: a person's own metrics, likewise.

  Returns:
    {"protocol": {"name": .., "description": .., "scale": ..},
     "sets": {"Set5": {"psnr_y": .., "ssim_y": .., ..., "images": {
       "baby": {"psnr_y": .., "ssim_y": .., ...}, ...}}, ...}}
    with the keys of `Protocol.measure`. A set's value is the mean over its
    images, see `protocol.set_value`. PSNR is in dB, and infinite where an image
    equals its target. With `lpips`, images and sets have "lpips" too, and the
    description of the metric is under "lpips" next to "sets"; with `own`, they
    have these metrics, and where they are from is under "own_metrics".

  Raises:
    errors.InputError: an image cannot be read or is too small to be measured,
      or a metric fails.
  """
  jobs = [(each.name, image) for each in sets for image in each.images]
  more: dict[str, lpips_lib.Metric | own_metric.Metric] = {
    metric.name: metric for metric in own
  }
  if lpips:
    more = {"lpips": lpips, **more}
  metrics = (*protocol.metrics(scale), *more)
  scores = np.zeros((len(jobs), len(metrics)))
  mine = range(jax.process_index(), len(jobs), jax.process_count())
  for index in tqdm.tqdm(mine, "evaluate", leave=False, disable=None):
    set_name, image = jobs[index]
    lr, hr = protocol.pair(image, scale)
    sr = upscale(lr)
    measured = protocol.measure(sr, hr, scale)
    for name, metric in more.items():
      measured[name] = _value(metric, sr, hr, f"{set_name} {image.name}")
    scores[index] = [measured[metric] for metric in metrics]
    if on_image:
      on_image(set_name, image.name, lr, sr, hr)
  rows = iter(_gathered(scores).tolist())

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
  return {
    "protocol": {
      "name": protocol.name,
      "description": protocol.description,
      "scale": scale,
    },
    **({"lpips": lpips.description} if lpips else {}),
    **(
      {"own_metrics": {each.name: each.source for each in own}} if own else {}
    ),
    "sets": results,
  }


def _value(
  metric: lpips_lib.Metric | own_metric.Metric, sr, hr, name: str
) -> float:
  try:
    return metric(sr, hr)
  except errors.InputError as error:
    raise errors.InputError(f"{name}: {error}") from error


def _gathered(scores: np.ndarray) -> np.ndarray:
  """Merges [images, metrics] of all processes, of which each has some rows."""
  processes = jax.process_count()
  if processes == 1:
    return scores
  # As bytes, because JAX would round float64 to float32.
  everyone = multihost_utils.process_allgather(scores.view(np.uint8))
  everyone = np.ascontiguousarray(everyone).view(scores.dtype)
  images = np.arange(len(scores))
  return everyone[images % processes, images]
