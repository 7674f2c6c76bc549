"""What all processes of a run must have in common before it begins."""

import json
from collections.abc import Mapping

import ml_collections
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.training import agreement, config_checks
from srfeat_jax.training import workdir as workdir_lib

# Fields that may differ between the machines of a run: where files are, whose
# contents are compared, and how they are read.
_OF_A_MACHINE = {
  "data.train",
  "data.benchmarks",
  "data.num_workers",
  "data.cache_gib",
  "init_from",
  "init_discriminators_from",
  "teacher",
  "vgg_weights",
  "validation.lpips_weights",
  "validation.metrics",
}
_MISSING = "no such field"


def check(config: ml_collections.ConfigDict) -> None:
  """Checks the config, and that all processes have it, and the same versions.

  Raises:
    errors.InputError: the config does not fit, or a process has another.
  """
  agreement.same(
    lambda: config_checks.check(config),
    lambda _: " ".join(workdir_lib.versions()),
    "versions",
  )
  fields = traverse_util.flatten_dict(config.to_dict(), sep=".")
  common = {
    name: repr(value)
    for name, value in fields.items()
    if name not in _OF_A_MACHINE
  }
  first = json.loads(agreement.of_process_0(json.dumps(common)))
  agreement.same(lambda: _compare(common, first), lambda _: "")


def _compare(fields: Mapping[str, str], first: Mapping[str, str]) -> None:
  """Raises `errors.InputError` with all fields that process 0 has otherwise."""
  differ = [
    f"config.{name}={fields.get(name, _MISSING)} where process 0 has"
    f" {first.get(name, _MISSING)}"
    for name in sorted({*fields, *first})
    if fields.get(name) != first.get(name)
  ]
  if differ:
    raise errors.InputError(
      f"{', '.join(differ)}: start all processes by the same command"
    )
