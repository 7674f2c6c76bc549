"""A metric of one's own: a function of SR and HR in a file or module.

    def mean_error(sr, hr):
      return abs(sr.astype(float) - hr).mean()

in `my_metrics.py` is `my_metrics.py:mean_error`, or as a module that Python
finds `my_metrics:mean_error`. It takes uint8 [H, W, 3] or, for gray images,
[H, W] twice and returns a number; a set's value is the mean over its images.
"""

import contextlib
import importlib
import importlib.util
import numbers
import os
import pathlib
import sys
import traceback
from collections.abc import Collection, Iterator
from types import ModuleType

import numpy as np

from srfeat_jax import errors

_REMEDY = (
  'expected "FILE.py:FUNCTION", or "MODULE:FUNCTION" of a module that Python'
  " finds (in the current folder, or on PYTHONPATH)"
)


class Metric:
  """A function that a person wrote, checked at each call.

  Attributes:
    name: the function's name, for tables.
    source: where it is from, as it was named.
  """

  def __init__(self, source: str):
    """Imports the function.

    Args:
      source: "FILE.py:FUNCTION" or "MODULE:FUNCTION".

    Raises:
      errors.InputError: there is no such file, module or function, or
        importing it fails.
    """
    place, _, self.name = source.rpartition(":")
    self.source = source
    if not (place and self.name.isidentifier()):
      raise errors.InputError(
        f"the metric {source} is not a function: {_REMEDY}"
      )
    try:
      self._function = getattr(_imported(place), self.name)
    # A person's file may raise anything.
    except Exception as error:
      raise errors.InputError(
        f"the metric {source} cannot be imported ({_described(error)}):"
        f" {_REMEDY}"
      ) from error
    if not callable(self._function):
      raise errors.InputError(
        f"the metric {source} is not a function, but {self._function!r}"
      )

  def __call__(self, sr: np.ndarray, hr: np.ndarray) -> float:
    """Measures an image.

    Args:
      sr: uint8 [H, W, 3] or [H, W].
      hr: the target, of the same shape.

    Returns:
      What the function returned.

    Raises:
      errors.InputError: the function raised something, or returned no number.
    """
    try:
      value = self._function(sr.copy(), hr.copy())
    except Exception as error:
      raise errors.InputError(
        f"the metric {self.source} failed: {_described(error)}"
      ) from error
    if np.ndim(value) == 0 and hasattr(value, "item"):
      value = value.item()
    if not isinstance(value, numbers.Real):
      raise errors.InputError(
        f"the metric {self.source} returned {type(value).__name__}"
        f" {np.shape(value) or ''}".rstrip()
        + ": expected a number"
      )
    return float(value)


def load(sources: Collection[str], taken: Collection[str]) -> list[Metric]:
  """Imports several metrics.

  Args:
    sources: what `Metric` takes.
    taken: names of other metrics, which these must not have.

  Raises:
    errors.InputError: as `Metric`; or two metrics have one name.
  """
  metrics, names = [], list(taken)
  for source in dict.fromkeys(sources):
    metric = Metric(source)
    if metric.name in names:
      raise errors.InputError(
        f"there is a metric {metric.name} already: rename the function of"
        f" {source}"
      )
    metrics.append(metric)
    names.append(metric.name)
  return metrics


def _imported(place: str) -> ModuleType:
  if not place.endswith(".py"):
    with _found_in(os.getcwd()):
      return importlib.import_module(place)
  path = pathlib.Path(place)
  spec = importlib.util.spec_from_file_location(path.stem, path)
  assert spec and spec.loader  # by the extension
  module = importlib.util.module_from_spec(spec)
  with _found_in(os.path.abspath(path.parent)):  # it may import its neighbors
    spec.loader.exec_module(module)
  return module


@contextlib.contextmanager
def _found_in(folder: str) -> Iterator[None]:
  """Python finds modules in this folder, too, as if a program there ran."""
  sys.path.insert(0, folder)
  try:
    yield
  finally:
    sys.path.remove(folder)


def _described(error: Exception) -> str:
  """The error and the line of the person's own code that raised it."""
  text = f"{type(error).__name__}: {error}"
  frames = traceback.extract_tb(error.__traceback__)
  own = [
    frame
    for frame in frames
    if frame.filename != __file__ and "importlib" not in frame.filename
  ]
  if not own:
    return text
  return f"{text}, {pathlib.Path(own[0].filename).name} line {own[0].lineno}"
