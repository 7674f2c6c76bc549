"""What is measured besides a protocol's own metrics.

A metric has a name, for tables; a description, for reports; and is called with
SR and HR, uint8 [H, W, 3] or [H, W], from several threads at once.
"""

from typing import Protocol

import numpy as np


class Metric(Protocol):
  """A number for an image; NaN where it is not defined, see `description`."""

  @property
  def name(self) -> str:
    """What tables call it."""
    ...

  @property
  def description(self) -> str:
    """What it measures, and which images it is not defined for."""
    ...

  def __call__(self, sr: np.ndarray, hr: np.ndarray, /) -> float:
    """Measures an image; errors.InputError if it cannot be measured at all."""
    ...
