"""What all processes of a run must have in common before it begins."""

import ml_collections
from flax import traverse_util

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


def check(config: ml_collections.ConfigDict) -> None:
  """Checks the config, and that all processes have it, and the same versions.

  Raises:
    errors.InputError: the config does not fit, or a process has another.
  """
  agreement.same(
    lambda: config_checks.check(config),
    lambda _: _said(config),
    "settings or versions",
  )


def _said(config: ml_collections.ConfigDict) -> str:
  """What all processes of a run must have in common, for a message."""
  fields = traverse_util.flatten_dict(config.to_dict(), sep=".")
  common = {
    name: value for name, value in fields.items() if name not in _OF_A_MACHINE
  }
  versions = " ".join(workdir_lib.versions())
  return f"config {agreement.fingerprint(common)}, {versions}"
