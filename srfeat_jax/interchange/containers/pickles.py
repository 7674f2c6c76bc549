"""Pickles of arrays, read without running code that they name.

A pickle is a program: it names functions and calls them. Here it can name only
what the reader offers, and gets a stand-in of the reader's for it. Pickles may
also change the objects they name, so a stand-in has no state to change: it is a
string, a bound method, or a class with its own `__setstate__`.

That leaves attacks on memory and stack: a memo of billions of entries, or
tuples nested so deep that hashing them overflows the stack. Both show in the
opcodes, which are all checked before the first is executed.
"""

import pickle
import pickletools
from collections.abc import Mapping
from typing import Any, BinaryIO

from srfeat_jax import errors

_MAX_TUPLES = 20_000  # a tensor has about five
_MAX_MEMO = 10_000_000


class Unpickler(pickle.Unpickler):
  """Reads one pickle from a file, and leaves the file at the pickle's end."""

  def __init__(self, file: BinaryIO, stand_ins: Mapping[str, Any]):
    """Prepares reading.

    Args:
      file: binary, at the start of a pickle.
      stand_ins: what each name, "module.attribute", stands for.
    """
    # Byte strings of Python 2 become text, one character for each byte.
    super().__init__(file, encoding="latin1")
    self._stand_ins = stand_ins
    self._file = file

  def load(self) -> Any:
    """Reads the object.

    Raises:
      errors.InputError: it has too many tuples or memo entries, or asks for
        what is not offered.
      Exception: it is damaged.
    """
    start = self._file.tell()
    tuples = 0
    for opcode, argument, _ in pickletools.genops(self._file):
      tuples += opcode.name.startswith(("TUPLE", "FROZENSET"))
      if opcode.name.endswith("PUT") and (argument or 0) > _MAX_MEMO:
        raise errors.InputError(
          f"its pickle has memo entries beyond {_MAX_MEMO:,}"
        )
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
  """Returns a name from a file as one printable line, cut if it is long."""
  shown = "".join(c if c.isprintable() else "?" for c in text)
  return shown if len(shown) <= 100 else f"{shown[:100]}..."
