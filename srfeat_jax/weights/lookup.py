"""Generator weights from wherever a person has them.

A name is one of `shipped`; a folder is the workdir of a run, of which the
newest checkpoint is taken (the averaged weights where the run keeps them); a
file is one that this program wrote or another program's, see
`interchange.generator_file`.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
from absl import logging
from flax import linen as nn
from flax import traverse_util

from srfeat_jax import errors, models, shipped
from srfeat_jax.interchange import generator_file, mismatch
from srfeat_jax.training import checkpoint
from srfeat_jax.training import workdir as workdir_lib

# Fields of a network that do not change what its weights mean.
_INCIDENTAL = ("dtype", "initializer", "parent", "name")


@dataclasses.dataclass(frozen=True)
class Weights:
  """A generator's weights.

  Attributes:
    generator: the config that `models.build` takes.
    variables: "params" and, with BatchNorm, "batch_stats".
  """

  generator: dict
  variables: dict[str, Any]


def load(path: str) -> Weights:
  """Loads weights by name, or from a workdir or a file.

  Raises:
    errors.InputError: nothing there, not weights, or some of them are not
      finite.
  """
  place = shipped.path(path) if path in shipped.NAMES else pathlib.Path(path)
  if place.is_dir():
    generator = workdir_lib.read_config(place)["generator"]
    variables = checkpoint.restore_generator(place)
    generator_file.check_finite(place, variables)
    # A file knows no empty collections: neither does what is loaded.
    kept = {name: tree for name, tree in variables.items() if tree}
    return Weights(generator, kept)
  if place.is_file():
    read = generator_file.load(place)
    if read.doubt:
      logging.warning("%s", read.doubt)
    return Weights(read.config, read.variables)
  if place.suffix:
    raise errors.InputError(f"there is no weights file {path}")
  raise errors.InputError(
    f'"{path}" is neither the workdir of a run nor a file with weights, nor one'
    f" of those that come with the package, {', '.join(shipped.NAMES)}"
  )


def blend(first: str, second: str, alpha: float) -> Weights:
  """Network interpolation: (1 - alpha) * first + alpha * second.

  Between a generator trained on pixels and one that adversarial training made
  of it, this trades PSNR for sharpness (Wang et al. 2018, section 3.4).

  Args:
    first: as for `load`, what alpha = 0 gives.
    second: likewise, what alpha = 1 gives; of the same architecture.
    alpha: in [0, 1].

  Raises:
    errors.InputError: alpha is outside [0, 1]; or as `load_pair`.
  """
  if not 0 <= alpha <= 1:
    raise errors.InputError(
      f"alpha is {alpha}: expected a number from 0, all of {first}, to 1, all"
      f" of {second}"
    )
  return interpolate(*load_pair(first, second), alpha)


def load_pair(first: str, second: str) -> tuple[Weights, Weights]:
  """Loads two weights that can be interpolated.

  Raises:
    errors.InputError: as `load`; or they are of different architectures, and
      the fields that differ are named.
  """
  ours, theirs = load(first), load(second)
  differing = _differences(
    models.build(ours.generator),
    models.build(theirs.generator),
    _problems(ours.variables, theirs.variables),
  )
  if differing:
    raise errors.InputError(
      f"{first} and {second} cannot be blended, for they are of different"
      f" architectures: {differing}"
    )
  return ours, theirs


def interpolate(first: Weights, second: Weights, alpha: float) -> Weights:
  """(1 - alpha) * first + alpha * second, of what `load_pair` gave."""
  variables = jax.tree.map(
    lambda a, b: (1 - alpha) * np.asarray(a) + alpha * np.asarray(b),
    first.variables,
    second.variables,
  )
  return Weights(first.generator, variables)


def load_for(generator: nn.Module, path: str) -> dict[str, Any]:
  """Loads variables that a given network can use as the one they are of.

  Args:
    generator: the network they are meant for, of `config.generator`.
    path: as for `load`, from `config.init_from`.

  Returns:
    The network's variables.

  Raises:
    errors.InputError: as `load`; or fields of the two networks differ, names
      are missing or unexpected, or shapes differ, and they are listed.
  """
  if path not in shipped.NAMES and not pathlib.Path(path).exists():
    raise errors.InputError(
      f"config.init_from is {path}, which does not exist: name the workdir of a"
      " run, a file with a generator's weights, or one of"
      f" {', '.join(shipped.NAMES)}"
    )
  try:
    loaded = load(path)
  except errors.InputError as error:
    raise errors.InputError(f"config.init_from: {error}") from error
  lr = jax.ShapeDtypeStruct((1, 8, 8, 3), "float32")
  wanted = jax.eval_shape(generator.init, jax.random.key(0), lr)
  differing = _differences(
    models.build(loaded.generator),
    generator,
    _problems(loaded.variables, wanted),
  )
  if differing:
    raise errors.InputError(
      f"the weights in config.init_from={path} are of another architecture than"
      f" config.generator: {differing}. Set config.generator as in the run that"
      " made them"
    )
  return loaded.variables


def _differences(ours: nn.Module, theirs: nn.Module, problems: str) -> str:
  """The fields in which two networks differ, each with both values.

  Args:
    ours: a network.
    theirs: the other.
    problems: what differs between their variables; comes last.

  Returns:
    Part of a sentence; empty if weights of one are weights of the other.
  """
  if type(ours) is type(theirs):
    fields = [field.name for field in dataclasses.fields(ours)]
    differing = [
      f"{name} is {getattr(ours, name)!r} and {getattr(theirs, name)!r}"
      for name in fields
      if name not in _INCIDENTAL
      and getattr(ours, name) != getattr(theirs, name)
    ]
  else:
    differing = [
      f"architecture is {type(ours).__name__} and {type(theirs).__name__}"
    ]
  return "; ".join(filter(None, [*differing, problems]))


def _problems(found: dict, expected: dict) -> str:
  """What differs between two trees of arrays or shapes, "" if nothing."""
  shapes = [
    {
      name: x.shape
      for name, x in traverse_util.flatten_dict(tree, sep="/").items()
    }
    for tree in (found, expected)
  ]
  return mismatch.describe(*shapes)
