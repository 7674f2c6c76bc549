"""What steps log between two log lines, checked and averaged."""

import math

import jax

from srfeat_jax import errors


class LogAverages:
  """Scalars of consecutive steps, left on the device until they are read."""

  def __init__(self):
    self._steps = []

  def __len__(self) -> int:
    """The number of steps since the last `flush`."""
    return len(self._steps)

  def append(self, step: int, scalars: dict) -> None:
    """Keeps one step's scalars, which are on the device, by name."""
    self._steps.append((step, scalars))

  def check(self) -> None:
    """Reads what is new, and stops the run at the first bad number.

    Raises:
      errors.InputError: a scalar is not finite; names it and its step.
    """
    self._steps = jax.device_get(self._steps)
    for step, scalars in self._steps:
      bad = [k for k, v in scalars.items() if not math.isfinite(v)]
      if bad:
        raise errors.InputError(
          f"{', '.join(bad)} is not finite at step {step}: nothing after the"
          " last checkpoint was kept; lower config.learning_rate.peak or set"
          " config.optimizer.clip_norm, in a new workdir"
        )

  def flush(self) -> dict[str, float]:
    """Checks, then returns the mean of each scalar and starts anew."""
    self.check()
    names = self._steps[0][1]
    means = {
      name: sum(float(scalars[name]) for _, scalars in self._steps)
      / len(self._steps)
      for name in names
    }
    self._steps = []
    return means
