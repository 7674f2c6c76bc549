"""All processes of a run see the same, or all of them stop."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from srfeat_jax import errors

_LENGTH = 4096  # bytes of what a process says
_Result = TypeVar("_Result")


def same(
  find: Callable[[], _Result],
  describe: Callable[[_Result], str],
  what: str = "training images",
) -> _Result:
  """Returns what each process finds, if that is the same in all of them.

  Must be called by all processes of a run. Where one of them fails, the others
  fail with it, instead of waiting for it.

  Args:
    find: called in each process.
    describe: what is compared, a text.
    what: its name, for the message.

  Raises:
    errors.InputError: `find` raised it in one of the processes, or what they
      found differs.
  """
  if jax.process_count() == 1:
    return find()
  try:
    result = find()
    text = f"+{describe(result)}"
  except errors.InputError as error:
    text = f"-{error}"
  texts = _gather(text)
  for process, each in enumerate(texts):
    if each.startswith("-"):
      raise errors.InputError(f"{each[1:]} (process {process})")
  for process, each in enumerate(texts):
    if each != texts[0]:
      raise errors.InputError(
        f"process {process} sees other {what} than process 0:"
        f" {each[1:]}; {texts[0][1:]}; all must read the same files"
      )
  return result


def of_process_0(text: str) -> str:
  """The text that process 0 gives. Must be called by all processes of a run."""
  if jax.process_count() == 1:
    return text
  data = np.frombuffer(text.encode(), np.uint8)
  length = int(multihost_utils.broadcast_one_to_all(np.int32(data.size)))
  padded = np.resize(data, length)  # of other processes only the shape counts
  sent = np.asarray(multihost_utils.broadcast_one_to_all(padded))
  return sent.astype(np.uint8).tobytes().decode()


def fingerprint(tree: Any) -> str:
  """What stands for arrays, numbers and texts where they are compared."""
  leaves, structure = jax.tree.flatten(tree)
  digest = hashlib.sha256(str(structure).encode())
  for leaf in leaves:
    array = np.asarray(leaf)
    digest.update(f"{array.dtype} {array.shape}".encode())
    digest.update(array.tobytes())
  return digest.hexdigest()[:16]


def _gather(text: str) -> list[str]:
  """The texts of all processes, in their order."""
  data = text.encode("utf-8", "replace")[:_LENGTH]
  padded = np.zeros(_LENGTH, np.uint8)
  padded[: len(data)] = np.frombuffer(data, np.uint8)
  gathered = np.asarray(multihost_utils.process_allgather(padded))
  return [
    row.tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in gathered
  ]
