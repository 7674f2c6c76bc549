"""State dicts that other programs saved, as .pth, .npz or .safetensors.

People wrap what they save: {"params_ema": ...}, {"state_dict": ...}, and put
"module." or "generator." before each name. Both are taken off.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from srfeat_jax import errors
from srfeat_jax.interchange.containers import (
  file_kind,
  npz_file,
  pickles,
  safetensors_file,
  torch_file,
)

# Keys under which weights are kept, the best first: averages before others.
_WRAPPERS = (
  "params_ema",
  "model_ema",
  "g_ema",
  "ema",
  "params",
  "generator",
  "netG",
  "state_dict",
  "model_state_dict",
  "model",
)
_PREFIXES = ("module.", "_orig_mod.", "generator_ema.", "generator.", "netG.")
_MAX_SHARED = 4  # arrays may share memory, within reason


@dataclasses.dataclass(frozen=True)
class State:
  """What a file holds.

  Attributes:
    arrays: float32, by name.
    ordered: whether they are in the order in which the network defines them;
      false if they are in alphabetical order.
    objects: of an .npz that is one array of objects, the arrays in it.
  """

  arrays: dict[str, np.ndarray]
  ordered: bool = False
  objects: tuple[np.ndarray, ...] = ()


def load(path: pathlib.Path) -> State:
  """Reads a file's arrays.

  Raises:
    errors.InputError: there is no such file, it is damaged or of another kind,
      or it holds no floating-point arrays.
  """
  kind = file_kind.find(path)
  value = _read(path, kind)
  if kind == file_kind.Kind.NPZ and (objects := _objects(value)):
    return State({}, objects=objects)
  named = _unwrapped(value)
  arrays = {}
  for name, array in named.items():
    if name.rpartition(".")[2] == "num_batches_tracked":
      continue
    if not jnp.issubdtype(array.dtype, jnp.floating):
      raise errors.InputError(
        f"{path} has {pickles.printable(name)} as {array.dtype}: expected"
        " floating point"
      )
    arrays[name] = array
  if kind != file_kind.Kind.NPZ:  # whose size was checked as it was unpacked
    _check_size(path, arrays.values())
  if not arrays:
    raise errors.InputError(
      f"{path} holds no named arrays, so it is not a generator"
    )
  names = list(arrays)
  return State(
    {name: np.asarray(x, np.float32) for name, x in arrays.items()},
    ordered=names != sorted(names),
  )


def _read(path: pathlib.Path, kind: file_kind.Kind) -> Any:
  match kind:
    case file_kind.Kind.TORCH:
      return torch_file.load(path)
    case file_kind.Kind.NPZ:
      return npz_file.load(path, objects=True)
    case file_kind.Kind.SAFETENSORS:
      return safetensors_file.read(path)[0]
  raise errors.InputError(
    f"{path} is not a file of weights that this program can read: by its"
    " content it is no .pth, .safetensors or .npz, whatever its name; it may be"
    " damaged"
  )


def _objects(value: dict[str, Any]) -> tuple[np.ndarray, ...]:
  """The arrays in an .npz that is one array of them, else ()."""
  if len(value) != 1:
    return ()
  (only,) = value.values()
  if not (isinstance(only, np.ndarray) and only.dtype == object):
    return ()
  arrays = tuple(only.ravel())
  numbers = all(
    isinstance(each, np.ndarray) and jnp.issubdtype(each.dtype, jnp.floating)
    for each in arrays
  )
  return tuple(np.asarray(x, np.float32) for x in arrays) if numbers else ()


def _unwrapped(value: Any) -> dict[str, np.ndarray]:
  """The arrays of the state dict, without the prefix of their names."""
  for _ in range(4):
    if not isinstance(value, Mapping) or _arrays(value):
      break
    inner = [value[w] for w in _WRAPPERS if isinstance(value.get(w), Mapping)]
    value = inner[0] if inner else None
  named = _arrays(value) if isinstance(value, Mapping) else {}
  for prefix in _PREFIXES * 2:
    # A file may also hold the discriminator, under another prefix.
    chosen = {n: x for n, x in named.items() if n.startswith(prefix)}
    if chosen:
      named = {n.removeprefix(prefix): x for n, x in chosen.items()}
  return named


def _arrays(value: Mapping) -> dict[str, np.ndarray]:
  return {
    name: each
    for name, each in value.items()
    if isinstance(name, str) and isinstance(each, np.ndarray)
  }


def _check_size(path: pathlib.Path, arrays) -> None:
  """Refuses arrays that repeat a few numbers without end."""
  size = sum(array.nbytes for array in arrays)
  limit = _MAX_SHARED * max(path.stat().st_size, 1 << 20)
  if size > limit:
    raise errors.InputError(
      f"{path} has {path.stat().st_size:,} bytes, but arrays of {size:,}: it"
      " repeats a few numbers, as no weights do"
    )
