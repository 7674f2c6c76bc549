"""The schedule of a config with batches of another size: as many images.

A config's steps are of its own `batch_size`. With one of another size a run of
as many images has other numbers of steps: of the whole run, and from one log,
validation and checkpoint to the next. Learning rates' boundaries are fractions
of the run, so they follow. What is meant for one step stays: the decay of
running averages and of Adam's moments, `losses.penalty_every`.
"""

import math
from collections.abc import Callable, Collection, Mapping

import ml_collections

from srfeat_jax import errors

# Numbers of steps, in the order in which they are told.
_STEPS = ("num_steps", "log_every", "eval_every", "checkpoint_every")
_STEPS_OR_NONE = ("keep_every",)
SCHEDULES = ("images", "steps")
# What a learning rate is multiplied by where batches grow by a factor: "linear"
# by Goyal et al. 2017, section 2.1, found for SGD with momentum; "sqrt" by
# Malladi et al. 2022, derived for Adam (whose other settings, which their rule
# changes too, stay).
RULES: Mapping[str, Callable[[float], float]] = {
  "none": lambda factor: 1.0,
  "linear": lambda factor: factor,
  "sqrt": math.sqrt,
}


def with_batch_size(
  config: ml_collections.ConfigDict,
  batch_size: int,
  unchanged: Collection[str] = (),
) -> None:
  """Changes a config to another batch size, and what follows from that.

  Args:
    config: of a run, not locked: `batch_size`; with `schedule_in` "images" all
      numbers of steps; and by `learning_rate_rule` the peak and the final value
      of both learning rates.
    batch_size: the new one.
    unchanged: fields that stay as they are, such as "learning_rate.peak".

  Raises:
    errors.InputError: there is no such rule.
  """
  before, config.batch_size = config.batch_size, batch_size
  if before < 1 or batch_size < 1:
    return  # which the checks of a run refuse
  if config.schedule_in == "images":
    for field in (*_STEPS, *_STEPS_OR_NONE):
      if config[field] > 0 and field not in unchanged:
        config[field] = max(1, _rounded(config[field] * before, batch_size))
  if config.learning_rate_rule not in RULES:
    raise errors.InputError(
      f'config.learning_rate_rule is "{config.learning_rate_rule}": expected'
      f" one of {', '.join(RULES)}"
    )
  factor = RULES[config.learning_rate_rule](batch_size / before)
  with config.ignore_type():  # a rate may be a whole number
    for owner in ("learning_rate", "discriminator_learning_rate"):
      for field in ("peak", "final"):
        if f"{owner}.{field}" not in unchanged:
          config[owner][field] *= factor


def check_rule_without_batch_size(rule: str) -> None:
  """Refuses a rule where no batch size is set, which it would follow.

  The rates of a variant with larger batches, such as `srfeat_pod`, are what
  they are: nobody would notice that they were not multiplied.

  Args:
    rule: `learning_rate_rule`; one that there is not is refused elsewhere.

  Raises:
    errors.InputError: it would have no effect.
  """
  if rule in RULES and rule != "none":
    raise errors.InputError(
      f"--config.learning_rate_rule={rule} has no effect without"
      " --config.batch_size, whose change the learning rates follow: give both,"
      " as with configs/pretrain.py:srfeat, or set"
      " --config.learning_rate.peak"
    )


def sentence(config: ml_collections.ConfigDict) -> str:
  """How long a run is, and how often it does what."""
  total = config.num_steps * config.batch_size
  return (
    f"{config.num_steps:,} steps of {config.batch_size} images, {total:,} in"
    f" all; in steps: log every {config.log_every:,}, validation every"
    f" {config.eval_every:,}, checkpoint every {config.checkpoint_every:,}"
  )


def _rounded(numerator: int, denominator: int) -> int:
  """The quotient, a half rounded up."""
  return (2 * numerator + denominator) // (2 * denominator)
