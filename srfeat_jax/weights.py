"""Generator weights from wherever a person has them.

A folder is the workdir of a run, of which the newest checkpoint is taken (the
averaged weights where the run keeps them); a file is one that this program
wrote or another program's, see `interchange.generator_file`.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
from absl import logging
from flax import linen as nn
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.interchange import generator_file, mismatch
from srfeat_jax.training import checkpoint
from srfeat_jax.training import workdir as workdir_lib


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
  """Loads weights from a workdir or a file.

  Raises:
    errors.InputError: nothing there, or not weights.
  """
  place = pathlib.Path(path)
  if place.is_dir():
    generator = workdir_lib.read_config(place)["generator"]
    variables = checkpoint.restore_generator(place)
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
    f'"{path}" is neither the workdir of a run nor a file with weights'
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
    errors.InputError: alpha is outside [0, 1]; as `load`; or the weights are of
      different architectures.
  """
  if not 0 <= alpha <= 1:
    raise errors.InputError(
      f"alpha is {alpha}: expected a number from 0, all of {first}, to 1, all"
      f" of {second}"
    )
  ours, theirs = load(first), load(second)
  differing = [
    f"{name} is {ours.generator.get(name)!r} and {theirs.generator.get(name)!r}"
    for name in sorted(ours.generator.keys() | theirs.generator.keys())
    if ours.generator.get(name) != theirs.generator.get(name)
  ]
  differing += filter(None, [_problems(ours.variables, theirs.variables)])
  if differing:
    raise errors.InputError(
      f"{first} and {second} cannot be blended, for they are of different"
      f" architectures: {'; '.join(differing)}"
    )
  variables = jax.tree.map(
    lambda a, b: (1 - alpha) * np.asarray(a) + alpha * np.asarray(b),
    ours.variables,
    theirs.variables,
  )
  return Weights(ours.generator, variables)


def load_for(generator: nn.Module, path: str) -> dict[str, Any]:
  """Loads variables that a given network can use.

  Args:
    generator: the network they are meant for.
    path: as for `load`.

  Returns:
    The network's variables.

  Raises:
    errors.InputError: as `load`; or names are missing or unexpected, or shapes
      differ, and they are listed.
  """
  variables = load(path).variables
  lr = jax.ShapeDtypeStruct((1, 8, 8, 3), "float32")
  wanted = jax.eval_shape(generator.init, jax.random.key(0), lr)
  problems = _problems(variables, wanted)
  if problems:
    raise errors.InputError(
      f"the weights in {path} are of another architecture than"
      f" config.generator: {problems}. Set config.generator as in the run that"
      " made them"
    )
  return variables


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
