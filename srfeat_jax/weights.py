"""Generator weights from wherever a person has them.

In this order: a folder is the workdir of a run, of which the newest checkpoint
is taken (the averaged weights where the run keeps them); a file is a
`.safetensors` that this program wrote.
"""

import dataclasses
import pathlib
from typing import Any

import jax
from flax import linen as nn
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.interchange import mismatch, safetensors_file
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
    return Weights(generator, checkpoint.restore_generator(place))
  if place.suffix == ".safetensors":
    if not place.exists():
      raise errors.InputError(f"there is no weights file {path}")
    return Weights(*safetensors_file.load(place))
  raise errors.InputError(
    f'"{path}" is neither the workdir of a run nor a .safetensors file'
  )


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
  found = traverse_util.flatten_dict(variables, sep="/")
  expected = traverse_util.flatten_dict(wanted, sep="/")
  problems = mismatch.describe(
    {name: value.shape for name, value in found.items()},
    {name: value.shape for name, value in expected.items()},
  )
  if problems:
    raise errors.InputError(
      f"the weights in {path} are of another architecture than"
      f" config.generator: {problems}. Set config.generator as in the run that"
      " made them"
    )
  return variables
