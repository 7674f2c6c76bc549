"""Pickles that hold data, read without running anything of theirs.

A pickle is a program: it names functions and calls them. Here it can name only
what the reader offers, and what it names is a stand-in of the reader's own.
Pickles may also change what they hold, so a stand-in has no state to change: it
is a string, a bound method, or a class with its own `__setstate__`.
"""

import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

from srfeat_jax import errors


class Unpickler(pickle.Unpickler):
  """Reads one pickle from a file, and leaves the file right behind it."""

  def __init__(self, file: BinaryIO, stand_ins: Mapping[str, Any]):
    """Prepares reading.

    Args:
      file: binary, at the start of a pickle.
      stand_ins: what each name, "module.attribute", stands for.
    """
    # Byte strings of Python 2 become text, a character a byte.
    super().__init__(file, encoding="latin1")
    self._stand_ins = stand_ins

  def find_class(self, module: str, name: str) -> Any:
    """Returns a stand-in; called by `load`."""
    try:
      return self._stand_ins[f"{module}.{name}"]
    except KeyError:
      raise errors.InputError(
        f"it asks for {module}.{name}, which arrays do not need"
      ) from None
