"""Whether the values of a config are in their ranges.

What belongs to one part of a run, such as the names of losses, is checked by
that part.
"""

import fnmatch

from flax import traverse_util

from srfeat_jax import errors

_COUNT = (lambda x: x >= 1, "a whole number above 0")
_NOT_NEGATIVE = (lambda x: x >= 0, "a number from 0")
_MOMENT = (lambda x: 0 <= x < 1, "a number from 0 to below 1")
# Fields, which need not be there, the test and what it expects. A NaN fails.
_TABLE = (
  ("num_steps", *_COUNT),
  ("batch_size", *_COUNT),
  ("crop_size", *_COUNT),
  ("log_every", *_COUNT),
  ("eval_every", *_COUNT),
  ("checkpoint_every", *_COUNT),
  ("keep_checkpoints", *_COUNT),
  # jax's random keys take 32 bits: others would repeat the seeds below.
  ("seed", lambda x: 0 <= x < 2**32, "a whole number from 0 to below 2**32"),
  (
    "ema_decay",
    lambda x: 0 <= x < 1,
    "a number from 0 (no average) to below 1",
  ),
  ("data.num_workers", lambda x: x >= 0, "a whole number from 0"),
  ("data.cache_gib", *_NOT_NEGATIVE),
  ("losses.*_weight", *_NOT_NEGATIVE),
  ("losses.perceptual_layers.*", *_NOT_NEGATIVE),
  ("*optimizer.b1", *_MOMENT),
  ("*optimizer.b2", *_MOMENT),
  ("*optimizer.eps", lambda x: x > 0, "a number above 0"),
  (
    "*learning_rate.until",
    lambda x: 0 < x <= 1,
    "a fraction of the run, from above 0 to 1",
  ),
  (
    "*learning_rate.boundaries",
    lambda x: all(0 <= boundary <= 1 for boundary in x),
    "fractions of the run, from 0 to 1",
  ),
)


def check(config) -> None:
  """Refuses values that no run can have.

  Args:
    config: of a run, see `configs/`.

  Raises:
    errors.InputError: a number is out of its range, there is nothing to learn
      from, or adversarial training would begin at random without being asked.
  """
  values = traverse_util.flatten_dict(config.to_dict(), sep=".")
  for pattern, valid, expected in _TABLE:
    for field in fnmatch.filter(values, pattern):
      if not valid(values[field]):
        raise errors.InputError(
          f"config.{field} is {values[field]}: expected {expected}"
        )
  _check_losses(config)
  if config.discriminators and not (config.init_from or config.allow_scratch):
    raise errors.InputError(
      "config.init_from is empty: adversarial training starts from a"
      " pre-trained generator, so name the workdir or weights file of one; or"
      " set config.allow_scratch if a random start is meant"
    )


def _check_losses(config) -> None:
  losses = config.losses
  if losses.perceptual_weight and not any(losses.perceptual_layers.values()):
    raise errors.InputError(
      f"config.losses.perceptual_weight is {losses.perceptual_weight}, and no"
      " layer of config.losses.perceptual_layers has a weight: give one, as"
      " {'relu5_4': 1.0}, or set config.losses.perceptual_weight=0"
    )
  adversarial = config.discriminators and losses.adversarial_weight
  if not (losses.pixel_weight or losses.perceptual_weight or adversarial):
    raise errors.InputError(
      "there is nothing to learn from: config.losses.pixel_weight and"
      " config.losses.perceptual_weight are 0, and so is"
      " config.losses.adversarial_weight, or there is no discriminator; set one"
      " of them above 0"
    )
