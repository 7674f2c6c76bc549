"""The teacher of a run, from the weights that its config names."""

import dataclasses
from typing import Any

import ml_collections

from srfeat_jax import models
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import teacher
from srfeat_jax.weights import lookup


def add(
  config: ml_collections.ConfigDict, networks: networks_lib.Networks
) -> tuple[networks_lib.Networks, Any]:
  """Adds the teacher to the networks of a run, if there is to be one.

  Args:
    config: of the run; read are `teacher` and `dtype`.
    networks: without a teacher.

  Returns:
    The networks, and the teacher's variables, None without one.

  Raises:
    errors.InputError: there are no such weights, or they are for another scale.
  """
  if not config.teacher:
    return networks, None
  loaded = lookup.load_named("teacher", config.teacher)
  added = teacher.make(
    models.build(loaded.generator),
    networks.generator,
    config.dtype,
  )
  return dataclasses.replace(networks, teacher=added), loaded.variables
