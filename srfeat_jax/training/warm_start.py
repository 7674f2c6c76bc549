"""Discriminators that start from those of another run."""

from collections.abc import Mapping
from typing import Any

from absl import logging
from flax import traverse_util

from srfeat_jax import errors, places
from srfeat_jax.training import checkpoint, workdir

_MOST = 3  # arrays that a message names


def discriminators(
  path: str, shapes: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
  """The discriminators of a run's newest checkpoint, by role.

  Args:
    path: its workdir, `config.init_discriminators_from`.
    shapes: variables of each discriminator that is to start, by role, arrays or
      shapes.

  Returns:
    Variables, numpy arrays, of those that the other run has, too; a warning
    names the others.

  Raises:
    errors.InputError: there is no such run, it has none of them, or one is
      another network.
  """
  try:
    workdir.read_config(places.path(path))
    found = checkpoint.restore_discriminators(places.path(path))
  except errors.InputError as error:
    raise errors.InputError(
      f"config.init_discriminators_from: {error}"
    ) from error
  if not found.keys() & shapes.keys():
    raise errors.InputError(
      f"config.init_discriminators_from={path} is a run with"
      f" {_names(found) or 'no discriminator'}: expected one with"
      f" {_names(shapes) or 'those of this run, which has none'}"
    )
  for name in shapes.keys() - found.keys():
    logging.warning(
      "config.init_discriminators_from=%s has no discriminator %s, which"
      " begins at random",
      path,
      name,
    )
  taken = {name: found[name] for name in found if name in shapes}
  for name, variables in taken.items():
    _check(path, name, variables, shapes[name])
  # As they are initialized: without empty collections.
  return {
    name: {key: variables[key] for key in shapes[name]}
    for name, variables in taken.items()
  }


def _check(path: str, name: str, variables, shapes) -> None:
  theirs, ours = (
    {
      key: tuple(leaf.shape)
      for key, leaf in traverse_util.flatten_dict(tree, sep="/").items()
    }
    for tree in (variables, shapes)
  )
  differing = [
    f"{key} is {theirs.get(key, 'missing')} and {ours.get(key, 'not there')}"
    for key in sorted(theirs.keys() | ours.keys())
    if theirs.get(key) != ours.get(key)
  ]
  if differing:
    more = f" and {len(differing) - _MOST} more" * (len(differing) > _MOST)
    raise errors.InputError(
      f"config.init_discriminators_from={path} has another discriminator"
      f" {name} than config.discriminators.{name}:"
      f" {'; '.join(differing[:_MOST])}{more}; set its fields, and"
      " config.crop_size, as in that run"
    )


def _names(roles: Mapping[str, Any]) -> str:
  return ", ".join(sorted(roles))
