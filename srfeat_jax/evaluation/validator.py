"""Metrics and sample images of a generator while it is trained."""

import os
from collections.abc import Callable

import jax
import numpy as np
from flax import linen as nn

from srfeat_jax import gray
from srfeat_jax.evaluation import evaluator, own_metric, protocol, snapshots
from srfeat_jax.evaluation import lpips as lpips_lib
from srfeat_jax.inference import upscaler

_NUM_SAMPLES = 4
_SAMPLE_SIZE = 256  # pixels, cut from the middle


class AbandonedError(Exception):
  """A validation was given up before its end."""


class Validator:
  """The benchmark sets on which a run is evaluated at intervals.

  Attributes:
    sets: a list of `benchmarks.BenchmarkSet`, empty when nothing is validated.
    metrics: names of all that is measured.
    snapshots: which validations leave images.
  """

  def __init__(
    self,
    generator: nn.Module,
    folder: str,
    sets: tuple[str, ...],
    lpips: lpips_lib.Metric | None = None,
    own: tuple[str, ...] = (),
    workdir: str | os.PathLike = "",
    snapshot_steps: frozenset[int] = frozenset(),
  ):
    """Finds the sets, and metrics of one's own.

    Args:
      generator: the module that is trained.
      folder: of benchmark sets; or "synthetic", or "" for no validation.
      sets: names of the sets, () for all.
      lpips: if present, measures the perceptual distance as well.
      own: a person's own metrics, see `own_metric`.
      workdir: where snapshots are written.
      snapshot_steps: of the validations that write some, see `snapshots`.

    Raises:
      errors.InputError: a set is missing or damaged, or a metric.
    """
    self._generator = generator
    scale = generator.scale
    self.sets = protocol.MATLAB.load(folder, sets, scale) if folder else []
    of_protocol = protocol.MATLAB.metrics(scale)
    self._lpips = lpips
    self._own = own_metric.load(own, (*of_protocol, "lpips"))
    self._shown = (
      *("psnr_y", "ssim_y"),
      *(("lpips",) if lpips else ()),
      *(each.name for each in self._own),
    )
    self.snapshots = snapshots.Snapshots(workdir, self.sets, snapshot_steps)
    self.metrics = tuple(dict.fromkeys((*of_protocol, *self._shown)))

  def record(self) -> dict[str, str]:
    """What `environment.json` is to have, for the scores do not say it."""
    return {"lpips_backbone": self._lpips.backbone} if self._lpips else {}

  def write_baseline(self, writer) -> dict[str, float]:
    """Writes the metrics of bicubic, at step 0.

    Args:
      writer: see `training.writers`.

    Returns:
      Metrics by name, such as `eval/set5/psnr_y_bicubic`.
    """
    scale = self._generator.scale
    scores = self._scores(lambda lr: upscaler.bicubic(lr, scale=scale))
    scores = {f"{name}_bicubic": value for name, value in scores.items()}
    if scores:
      writer.write_scalars(0, scores)
    return scores

  def validate(
    self,
    step: int,
    variables,
    writer,
    is_over: Callable[[], bool] = lambda: False,
  ) -> dict[str, float]:
    """Writes metrics, sample images and, at some steps, snapshots.

    Args:
      step: the number of updates made.
      variables: of the generator, replicated over the devices.
      writer: see `training.writers`.
      is_over: asked for each image whether to go no further.

    Returns:
      Metrics by name, such as `eval/set5/psnr_y`.

    Raises:
      AbandonedError: it is not to go further; no metric is written.
    """
    if is_over():
      raise AbandonedError
    variables = jax.tree.map(lambda x: x.addressable_data(0), variables)
    samples = {}

    def keep(set_name, image_name, lr, sr, hr):
      if is_over():
        raise AbandonedError
      self.snapshots.keep(step, set_name, image_name, lr, sr, hr)
      if len(samples) < _NUM_SAMPLES:
        bicubic = upscaler.bicubic(lr, scale=self._generator.scale)
        panels = [_middle(image) for image in (bicubic, sr, hr)]
        name = f"bicubic_sr_hr/{set_name}/{image_name}"
        samples[name] = np.concatenate(panels, axis=1)[None]

    upscale = upscaler.Upscaler(self._generator, variables, tile=None)
    scores = self._scores(upscale, keep)
    writer.write_scalars(step, scores)
    writer.write_images(step, samples)
    return scores

  def _scores(self, upscale, on_image=None) -> dict[str, float]:
    results = evaluator.evaluate(
      upscale,
      self.sets,
      scale=self._generator.scale,
      on_image=on_image,
      lpips=self._lpips,
      own=self._own,
    )
    return {
      f"eval/{set_name.lower()}/{metric}": value
      for set_name, scores in results["sets"].items()
      for metric, value in scores.items()
      if metric != "images"
    }

  def headline(self, scores: dict[str, float]) -> dict[str, float]:
    """Picks PSNR and SSIM of Y, and what was asked for, for the screen."""
    return {
      name: value
      for name, value in scores.items()
      if name.rpartition("/")[2].removesuffix("_bicubic") in self._shown
    }


def _middle(image: np.ndarray) -> np.ndarray:
  top, left = (max(0, (n - _SAMPLE_SIZE) // 2) for n in image.shape[:2])
  image = image[top : top + _SAMPLE_SIZE, left : left + _SAMPLE_SIZE]
  return gray.to_rgb(image)
