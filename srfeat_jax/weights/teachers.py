"""The teacher of a run, from the weights that its config names."""

import dataclasses
import pathlib
from typing import Any

import ml_collections

from srfeat_jax import errors, models
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import teacher
from srfeat_jax.weights import lookup, shipped


def add(
  config: ml_collections.ConfigDict, networks: networks_lib.Networks
) -> tuple[networks_lib.Networks, Any]:
  """Adds the teacher to the networks of a run, if there is to be one.

  Args:
    config: of the run; read are `teacher`, `teacher_share` and `dtype`.
    networks: without a teacher.

  Returns:
    The networks, and the teacher's variables, None without one.

  Raises:
    errors.InputError: there are no such weights, or they are for another scale.
  """
  path = config.teacher
  if not path:
    return networks, None
  if path not in shipped.NAMES and not pathlib.Path(path).exists():
    raise errors.InputError(
      f"config.teacher is {path}, which does not exist: name the workdir of a"
      " run, a generator's weights file, or one of"
      f" {', '.join(shipped.NAMES)}"
    )
  try:
    loaded = lookup.load(path)
  except errors.InputError as error:
    raise errors.InputError(f"config.teacher: {error}") from error
  added = teacher.make(
    models.build(loaded.generator),
    networks.generator,
    config.teacher_share,
    config.dtype,
  )
  return dataclasses.replace(networks, teacher=added), loaded.variables
