"""Whether numbers and arrays are what they should be."""

import numpy as np


def compare(found: dict, reference: dict, tolerance: float) -> dict:
  """What differs most, by how much, and whether all is within the tolerance.

  Args:
    found: numbers by name, or arrays, whose largest difference counts.
    reference: the same as they should be.
    tolerance: relative for numbers, absolute for arrays.
  """
  errors = {}
  for name, value in reference.items():
    scale = max(abs(value), 1e-3) if np.ndim(value) == 0 else 1.0
    errors[name] = float(np.max(np.abs(found[name] - value)) / scale)
  # A NaN counts as the worst there is.
  worst = max(errors, key=lambda name: (np.isnan(errors[name]), errors[name]))
  good = all(error <= tolerance for error in errors.values())
  return {"good": good, "worst": worst, "error": errors[worst]}
