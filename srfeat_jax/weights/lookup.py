"""Generator weights from wherever a person has them.

A name is one of `shipped`; a folder is the workdir of a run, of which the
newest checkpoint is taken (the averaged weights where the run keeps them); a
file is one that this program wrote or another program's, see
`interchange.generator_file`.
"""

import dataclasses
import pathlib
from typing import Any

from absl import logging
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from srfeat_jax.training import checkpoint
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import architectures, shipped


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
  differing = architectures.differences(
    models.build(loaded.generator),
    generator,
    loaded.variables,
    models.shapes(generator),
  )
  if differing:
    raise errors.InputError(
      f"the weights in config.init_from={path} are of another architecture than"
      f" config.generator: {differing}. Set config.generator as in the run that"
      " made them"
    )
  return loaded.variables
