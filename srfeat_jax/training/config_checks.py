"""Whether the values of a config are in their ranges.

What belongs to one part of a run, such as the names of losses, is checked by
that part.
"""

import fnmatch
import math
from collections.abc import Callable
from typing import Any

import ml_collections
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.configs import images_seen
from srfeat_jax.training import (
  averages,
  compute_precision,
  config_structure,
  earlier_configs,
  losses,
)

# Of no loss of the generator.
_DISCRIMINATOR_WEIGHTS = {
  "discriminator_weight",
  "r1_weight",
  "gradient_penalty_weight",
}
# JAX counts in 32 bits.
_COUNT = (lambda x: 1 <= x < 2**31, "a whole number above 0, and below 2**31")
_NOT_NEGATIVE = (lambda x: 0 <= x < math.inf, "a number from 0")
_PROBABILITY = (lambda x: 0 <= x <= 1, "a probability, from 0 to 1")
_SHARES = (
  lambda x: min(x) >= 0 and sum(x) > 0,
  "relative shares from 0, not all of them 0",
)


def _range(low: float, high: float):
  """Two numbers within bounds, the smaller one first."""
  return (
    lambda x: len(x) == 2 and low <= x[0] <= x[1] <= high,
    f"two numbers from {low:g} to {high:g}, the smaller one first",
  )


def _one_of(names: tuple[str, ...]):
  words = ", ".join(f'"{name}"' for name in names)
  return lambda x: x in names, f"one of {words}"


_MOMENT = (lambda x: 0 <= x < 1, "a number from 0 to below 1")
# Fields, which need not be there, the test and what it expects. A NaN fails.
_TABLE = (
  ("num_steps", *_COUNT),
  ("batch_size", lambda x: 1 <= x <= 2**20, "a whole number from 1 to 2**20"),
  (
    "discriminator_steps",
    lambda x: 1 <= x <= 100,
    "a whole number from 1 to 100",
  ),
  ("crop_size", lambda x: 1 <= x <= 2**14, "a whole number from 1 to 2**14"),
  (
    "accumulation_steps",
    lambda x: 1 <= x <= 2**20,
    "a whole number from 1, of parts of a batch",
  ),
  (
    "fsdp",
    lambda x: 0 <= x < 2**63,
    "a whole number, of an array's numbers; 0: none is split",
  ),
  ("log_every", *_COUNT),
  ("eval_every", *_COUNT),
  ("checkpoint_every", *_COUNT),
  ("keep_checkpoints", *_COUNT),
  ("keep_every", lambda x: 0 <= x < 2**31, "a whole number; 0: none"),
  (
    "profile_steps",
    lambda x: (
      not x
      or (len(x) == 2 and 1 <= x[0] <= x[1] and all(n == int(n) for n in x))
    ),
    "the first and the last step to profile, as in (100, 110), or ()",
  ),
  (
    "validation.snapshots",
    lambda x: all(0 <= fraction <= 1 for fraction in x),
    "fractions of the run, from 0 to 1",
  ),
  # jax's random keys take 32 bits: others would repeat the seeds below.
  ("seed", lambda x: 0 <= x < 2**32, "a whole number from 0 to below 2**32"),
  (
    "ema_decay",
    lambda x: 0 <= x < 1,
    "a number from 0 (no average) to below 1",
  ),
  ("teacher_share", lambda x: 0 <= x <= 1, "a share, from 0 to 1"),
  ("schedule_in", *_one_of(images_seen.SCHEDULES)),
  ("learning_rate_rule", *_one_of(tuple(images_seen.RULES))),
  ("batch_statistics", *_one_of(("global", "device"))),
  ("dtype", *_one_of(compute_precision.DTYPES)),
  ("matmul_precision", *_one_of(compute_precision.MATMUL_PRECISIONS)),
  (
    "data.num_workers",
    lambda x: -1 <= x <= 1000,
    "a whole number to 1000, or -1 for one each core",
  ),
  (
    "data.crops_per_image",
    lambda x: 1 <= x <= 1000,
    "a whole number from 1 to 1000",
  ),
  (
    "data.max_damaged",
    lambda x: 0 <= x <= 1,
    "a share of the files, from 0 to 1",
  ),
  ("data.cache_gib", lambda x: 0 <= x <= 2**20, "a number from 0 to 2**20"),
  ("losses.*_weight", *_NOT_NEGATIVE),
  ("losses.penalty_every", *_COUNT),
  ("losses.perceptual_layers.*", *_NOT_NEGATIVE),
  ("losses.feature_scale", *_NOT_NEGATIVE),
  ("degradation.*probability", *_PROBABILITY),
  ("degradation.*.kernels", *_SHARES),
  ("degradation.*.resize_directions", *_SHARES),
  ("degradation.*.resize_kernels", *_SHARES),
  (
    "degradation.*.kernel_size",
    lambda x: len(x) == 2 and 1 <= x[0] <= x[1] <= 63 and x[0] % 2 and x[1] % 2,
    "two odd numbers from 1 to 63, the smaller one first",
  ),
  ("degradation.*.sigma", *_range(0.01, 30)),
  ("degradation.*.generalized_beta", *_range(0.05, 20)),
  ("degradation.*.plateau_beta", *_range(0.05, 20)),
  ("degradation.*.resize_range", *_range(0.05, 4)),
  ("degradation.*.noise_sigma", *_range(0, 255)),
  ("degradation.*.poisson_scale", *_range(0, 100)),
  ("degradation.*.jpeg_quality", *_range(1, 100)),
  ("*optimizer.b1", *_MOMENT),
  ("*optimizer.b2", *_MOMENT),
  ("*optimizer.eps", lambda x: 0 < x < math.inf, "a number above 0"),
  ("*optimizer.clip_norm", *_NOT_NEGATIVE),
  ("*optimizer.weight_decay", *_NOT_NEGATIVE),
  ("*learning_rate.peak", lambda x: 0 < x < math.inf, "a number above 0"),
  (
    "*learning_rate.until",
    lambda x: 0 < x <= 1,
    "a fraction of the run, from above 0 to 1",
  ),
  (
    "*learning_rate.cycles",
    lambda x: 1 <= x <= 1000,
    "a whole number from 1 to 1000",
  ),
  (
    "*learning_rate.warmup",
    lambda x: 0 <= x < 1,
    "a fraction of the run, from 0 to below 1",
  ),
  (
    "*learning_rate.boundaries",
    lambda x: all(0 <= boundary <= 1 for boundary in x),
    "fractions of the run, from 0 to 1",
  ),
)


def check(config: ml_collections.ConfigDict) -> None:
  """Refuses values that no run can have.

  Args:
    config: of a run, see `configs/`.

  Raises:
    errors.InputError: a number is out of its range, there is nothing to learn
      from, a field has a name of an earlier version, or adversarial training
      would begin at random without being asked.
  """
  earlier_configs.check(config)
  check_ranges(config)
  updates = config.discriminator_steps * config.num_steps
  if not _COUNT[0](updates):
    raise errors.InputError(
      f"config.discriminator_steps is {config.discriminator_steps}: with a"
      f" config.num_steps of {config.num_steps} that is {updates} updates,"
      " expected fewer than 2**31: lower one of them"
    )
  _check_losses(config)
  if config.optimizer.kind == "schedule_free_adam" and config.ema_decay:
    raise errors.InputError(
      f"config.ema_decay is {config.ema_decay}, and config.optimizer.kind"
      " schedule_free_adam, which keeps an average of its own: set"
      " config.ema_decay=0"
    )
  if config.discriminators and not (config.init_from or config.allow_scratch):
    raise errors.InputError(
      "config.init_from is empty: adversarial training starts from a"
      " pre-trained generator, so name the workdir or weights file of one; or"
      " set config.allow_scratch if a random start is meant"
    )


def check_ranges(config: ml_collections.ConfigDict) -> None:
  """Refuses fields of a wrong type, and numbers that are out of their range.

  Args:
    config: of a run, see `configs/`.

  Raises:
    errors.InputError: such a value, by its field.
  """
  config_structure.check(config)
  values = traverse_util.flatten_dict(config.to_dict(), sep=".")
  for glob, valid, expected in _TABLE:
    for field in fnmatch.filter(values, glob):
      if not _is_valid(valid, values[field]):
        raise errors.InputError(
          f"config.{field} is {values[field]}: expected {expected}"
        )


def _is_valid(valid: Callable[[Any], Any], value: Any) -> bool:
  try:
    return bool(valid(value))
  except TypeError:  # of a group that is free to have any fields
    return False


def _check_losses(config: ml_collections.ConfigDict) -> None:
  """Whether `config.losses` has the fields and weights that its losses need."""
  weights = {loss.field for loss in losses.GENERATOR} | _DISCRIMINATOR_WEIGHTS
  named = {name for name in config.losses if name.endswith("_weight")}
  for name in sorted(weights - named):
    raise errors.InputError(
      f"config.losses has no {name}: give it one, as 0.0 in configs/common.py"
    )
  for name in sorted(named - weights):
    raise errors.InputError(
      f"config.losses.{name} is the weight of a loss that does not exist:"
      f" expected any of {', '.join(sorted(weights))}"
    )
  used = [loss for loss in losses.GENERATOR if loss.weight(config.losses)]
  for loss in used:
    problem = loss.problem(config.losses)
    if problem:
      raise errors.InputError(problem)
    _check_needs(loss, config)
  has_discriminators = bool(config.discriminators)
  if not any(
    loss.alone and (has_discriminators or not loss.of_logits) for loss in used
  ):
    fields = [
      f"config.losses.{loss.field}"
      + (" (with a discriminator)" if loss.of_logits else "")
      for loss in losses.GENERATOR
      if loss.alone
    ]
    raise errors.InputError(
      "there is nothing to learn from: set one of these above 0:"
      f" {', '.join(fields)}"
    )


def _check_needs(loss: losses.Loss, config: ml_collections.ConfigDict) -> None:
  """Whether a run has what a loss compares, apart from images and logits."""
  said = f"config.losses.{loss.field} is {loss.weight(config.losses)}"
  if loss.of_ema and not averages.kept(config):
    raise errors.InputError(
      f"{said}, and the loss compares with the running average of the weights,"
      " of which config.ema_decay=0 keeps none: set it, as to 0.999, or the"
      " weight to 0"
    )
  if loss.of_maps and "feature" not in config.discriminators:
    raise errors.InputError(
      f"{said}, and the loss is of the feature maps in the discriminator of"
      " features, which config.discriminators does not have: give it one, named"
      " feature, or set the weight to 0"
    )
