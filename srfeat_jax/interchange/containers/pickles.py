"""Pickles that hold data, read without running anything of theirs.

A pickle is a program: it names functions and calls them. Here it can name only
what the reader offers, and what it names is a stand-in of the reader's own.
Pickles may also change what they hold, so a stand-in has no state to change: it
is a string, a bound method, or a class with its own `__setstate__`.

What is left to a pickle is to be a nuisance: a memo of billions of places, or
tuples nested so deep that hashing them overflows the stack. Both show in the
opcodes, which are looked through before any of them is followed.
"""

import pickle
import pickletools
from collections.abc import Mapping
from typing import Any, BinaryIO

from srfeat_jax import errors

_MAX_TUPLES = 20_000  # a tensor has about five
_MAX_MEMO = 10_000_000


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
    self._file = file

  def load(self) -> Any:
    """Reads the object.

    Raises:
      errors.InputError: it is a nuisance, or asks for what is not offered.
      Exception: it is damaged.
    """
    start = self._file.tell()
    tuples = 0
    for opcode, argument, _ in pickletools.genops(self._file):
      tuples += opcode.name.startswith(("TUPLE", "FROZENSET"))
      if opcode.name.endswith("PUT") and argument > _MAX_MEMO:
        raise errors.InputError("its pickle numbers what it holds absurdly")
      if tuples > _MAX_TUPLES:
        raise errors.InputError(f"its pickle has more than {tuples:,} tuples")
    self._file.seek(start)
    return super().load()

  def find_class(self, module: str, name: str) -> Any:
    """Returns a stand-in; called by `load`."""
    path = f"{module}.{name}"
    if path not in self._stand_ins:
      raise errors.InputError(
        f"it asks for {printable(path)}, which arrays do not need"
      )
    return self._stand_ins[path]


def printable(text: str) -> str:
  """What a file calls something, as one line that is not too long."""
  shown = "".join(c if c.isprintable() else "?" for c in text)
  return shown if len(shown) <= 100 else f"{shown[:100]}..."
