"""Compares numbers and arrays with what they should be."""

import numpy as np


def compare(found: dict, reference: dict, tolerance: float) -> dict:
  """Finds the largest difference.

  Args:
    found: numbers and arrays by name; of arrays, the largest difference counts.
    reference: what they should be.
    tolerance: relative for numbers, absolute for arrays.

  Returns:
    "worst", the name with the largest difference, "error", that difference, and
    "good", whether all are within the tolerance.
  """
  errors = {}
  for name, value in reference.items():
    scale = max(abs(value), 1e-3) if np.ndim(value) == 0 else 1.0
    errors[name] = float(np.max(np.abs(found[name] - value)) / scale)
  # NaN counts as the largest difference of all.
  worst = max(errors, key=lambda name: (np.isnan(errors[name]), errors[name]))
  good = all(error <= tolerance for error in errors.values())
  return {"good": good, "worst": worst, "error": errors[worst]}


def distance(found: np.ndarray, reference: np.ndarray) -> float:
  """The norm of the difference, relative to that of what it should be."""
  return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))
