"""Generator weights by name, from a workdir or from a file.

A name is one of `shipped`; a folder is the workdir of a run, whose latest
checkpoint is loaded (the exponential moving average if the run keeps one); a
file was written by this program or another, see `interchange.generator_file`.
Workdirs and files may be addresses, `gs://...`.
"""

import dataclasses
import pathlib
from typing import Any

from absl import logging
from flax import linen as nn

from srfeat_jax import errors, models, places
from srfeat_jax.interchange import generator_file
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import architectures, fitting, shipped


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
    errors.InputError: there is no such name, workdir or file, it contains no
      weights, or some of them are not finite.
  """
  place = shipped.path(path) if path in shipped.NAMES else places.path(path)
  is_folder = _is_folder(place)
  if places.is_address(place) and not is_folder:
    place = pathlib.Path(places.fetched(place))
  if is_folder:
    from srfeat_jax.training import checkpoint  # Orbax: a second

    generator = workdir_lib.read_config(place)["generator"]
    variables = checkpoint.restore_generator(place)
    generator_file.check_finite(place, variables)
    # As from a file, which stores no empty collections.
    kept = {name: tree for name, tree in variables.items() if tree}
    return Weights(generator, kept)
  if place.is_file():
    read = generator_file.load(place, known=path in shipped.NAMES)
    if read.warning:
      logging.warning("%s", read.warning)
    return Weights(read.config, read.variables)
  if place.suffix:
    raise errors.InputError(
      f"there is no weights file {path}"
      f"{errors.did_you_mean(place.stem, shipped.NAMES)}"
    )
  raise errors.InputError(
    f'"{path}" is neither the workdir of a run nor a weights file nor one of'
    f" the weights that come with the package, {', '.join(shipped.NAMES)}"
    f"{errors.did_you_mean(path, shipped.NAMES)}"
  )


def is_workdir(path: str) -> bool:
  """Whether it names a folder, which should be a workdir, and no file.

  Raises:
    errors.InputError: it is an address that cannot be read.
  """
  return path not in shipped.NAMES and _is_folder(places.path(path))


def _is_folder(place: pathlib.Path) -> bool:
  try:
    return place.is_dir()
  except places.failures() as error:
    raise errors.InputError(
      f"{place} cannot be read: {places.reason(error)}"
    ) from error


def load_named(field: str, path: str) -> Weights:
  """Loads the weights that a field of a config names; its errors name it.

  Args:
    field: without "config.".
    path: its value, as for `load`.

  Raises:
    errors.InputError: as `load`.
  """
  is_path = path not in shipped.NAMES and not places.is_address(path)
  if is_path and not pathlib.Path(path).exists():
    raise errors.InputError(
      f"config.{field} is {path}, which does not exist: name the workdir of a"
      " run, a generator's weights file, or one of"
      f" {', '.join(shipped.NAMES)}"
    )
  try:
    return load(path)
  except errors.InputError as error:
    raise errors.InputError(f"config.{field}: {error}") from error


def load_for(generator: nn.Module, path: str) -> dict[str, Any]:
  """Loads weights for a network, which must be of the same architecture.

  They may be of another scale or another number of blocks: then a warning
  lists the layers that do not fit.

  Args:
    generator: the network, from `config.generator`.
    path: as for `load`, from `config.init_from`.

  Returns:
    The network's variables, or the part of them that the weights have.

  Raises:
    errors.InputError: as `load`; or fields of the two networks differ, names
      are missing or unexpected, or shapes differ, which the message lists.
  """
  loaded = load_named("init_from", path)
  compared = (
    models.build(loaded.generator),
    generator,
    loaded.variables,
    models.shapes(generator),
  )
  if fitted := fitting.fit(*compared):
    part, sentence = fitted
    logging.warning("config.init_from=%s has %s", path, sentence)
    return part
  differing = architectures.differences(*compared)
  if differing:
    raise errors.InputError(
      f"the weights in config.init_from={path} are of another architecture than"
      f" config.generator: {differing}; set config.generator as in the run that"
      " trained them"
    )
  return loaded.variables
