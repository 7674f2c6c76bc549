"""Which validation of a run was the best, by one metric."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import ml_collections

from srfeat_jax import errors

# Of metrics that evaluation knows, those of which less is better.
_LESS = ("lpips", "checkerboard", "phase_error", "color_error", "mse_rgb")


class Best:
  """The best validation so far.

  Attributes:
    metric: by which.
    step: at which, None before the first validation.
  """

  def __init__(self, metric: str, *, less_is_better: bool):
    self.metric = metric
    self.step: int | None = None
    self._less_is_better = less_is_better
    self._value: float | None = None

  def update(self, step: int, scores: Mapping[str, float]) -> bool:
    """Takes a validation into account.

    Args:
      step: the number of updates done.
      scores: by name, such as `eval/set5/psnr_y`; the mean over the sets
        counts.

    Returns:
      Whether it is the best so far.
    """
    values = [
      value
      for name, value in scores.items()
      if name.startswith("eval/") and name.endswith(f"/{self.metric}")
    ]
    value = sum(values) / len(values)
    if math.isnan(value):
      return False
    if self._value is not None:
      better = (
        value < self._value if self._less_is_better else (value > self._value)
      )
      if not better:
        return False
    self.step, self._value = step, value
    return True

  def __str__(self) -> str:
    return f"{self.metric} {self._value:.5g}"

  def get_state(self) -> dict[str, Any]:
    """JSON-able, for a checkpoint."""
    return {"metric": self.metric, "step": self.step, "value": self._value}

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes on from a checkpoint, unless that was about another metric."""
    if state["metric"] == self.metric:
      self.step, self._value = state["step"], state["value"]


def make(config: ml_collections.ConfigDict, measured: Collection[str]) -> Best:
  """What the best checkpoint of a run is best in.

  Args:
    config: of the run; read are `validation` and `discriminators`.
    measured: names of the metrics of its validation.

  Raises:
    errors.InputError: `validation.best_metric` is not measured, or one's own
      without "min:" or "max:".
  """
  wanted = config.validation.best_metric
  direction, _, name = wanted.rpartition(":")
  if not wanted:
    is_gan = bool(config.discriminators)
    name = "lpips" if is_gan and "lpips" in measured else "psnr_y"
  known = name in _LESS or name.startswith(("psnr", "ssim"))
  if name not in measured:
    raise errors.InputError(
      f'config.validation.best_metric is "{wanted}", which is not measured:'
      f" expected one of {', '.join(measured)}"
      + (
        ""
        if "lpips" in measured
        else ", or set config.validation.lpips_weights"
      )
    )
  if direction not in (("", "min", "max") if known else ("min", "max")):
    raise errors.InputError(
      f'config.validation.best_metric is "{wanted}": expected "max:{name}" if'
      f' more of it is better, or "min:{name}"'
    )
  less = direction == "min" if direction else name in _LESS
  return Best(name, less_is_better=less)
