"""Learning rates over a run, and the optimizers that follow them."""

import collections
import dataclasses
import itertools

import ml_collections
import optax
from optax import contrib

from srfeat_jax import errors


@dataclasses.dataclass(frozen=True)
class Optimizers:
  """How parameters follow gradients.

  Attributes:
    generator: the generator's optimizer.
    generator_schedule: its learning rate by step, for the log.
    discriminator: the optimizer of each discriminator.
    discriminator_schedule: its learning rate by its own updates, likewise.
  """

  generator: optax.GradientTransformation
  generator_schedule: optax.Schedule
  discriminator: optax.GradientTransformation
  discriminator_schedule: optax.Schedule


def build(config: ml_collections.ConfigDict, ahead: int = 0) -> Optimizers:
  """The optimizers of a run.

  Args:
    config: of the run; read are `num_steps`, and for the generator `optimizer`
      and `learning_rate`, for discriminators `discriminator_optimizer`,
      `discriminator_learning_rate` and `discriminator_steps`, their updates for
      each one of the generator.
    ahead: steps by which the schedules are ahead of the run's own, which may be
      below 0: a run that went on with another batch size has had a number of
      images that other numbers of steps see.

  Raises:
    errors.InputError: a field has a value it does not take.
  """
  generator_schedule = _shifted(
    learning_rate(config.learning_rate, config.num_steps), ahead
  )
  discriminator_schedule = _shifted(
    learning_rate(
      config.discriminator_learning_rate,
      config.discriminator_steps * config.num_steps,
    ),
    config.discriminator_steps * ahead,
  )
  return Optimizers(
    generator=adam(config.optimizer, generator_schedule),
    generator_schedule=generator_schedule,
    discriminator=adam(config.discriminator_optimizer, discriminator_schedule),
    discriminator_schedule=discriminator_schedule,
  )


def _shifted(schedule: optax.Schedule, ahead: int) -> optax.Schedule:
  if not ahead:
    return schedule
  return lambda step: schedule(step + ahead)


def learning_rate(
  config: ml_collections.ConfigDict, num_steps: int
) -> optax.Schedule:
  """The learning rate as a function of the step.

  Args:
    config: `config.learning_rate`: `schedule`, `peak`, `warmup`, the fraction
      of the run in which the rate rises linearly to the peak (Goyal et al.
      2017, section 2.2), and fields of one schedule, which the other one
      ignores: for
      "piecewise" `boundaries`, fractions of the run, and `factors`, what the
      rate is multiplied by at each of them;
      "cosine" `final`, the rate reached at the fraction `until` of the run and
      kept from there on, after `cycles` descents of the same length (SGDR's
      annealing with warm restarts, Loshchilov & Hutter 2017, equation 5).
    num_steps: the length of the run.

  Raises:
    errors.InputError: a field does not fit the above.
  """
  peak = config.peak
  _require(peak > 0, "learning_rate.peak", peak, "a number above 0")
  _require(
    config.schedule in _SCHEDULES,
    "learning_rate.schedule",
    config.schedule,
    '"piecewise" or "cosine"',
  )
  start = round(config.warmup * num_steps)
  schedule = _SCHEDULES[config.schedule](config, num_steps, start)
  if not start:
    return schedule
  # A first step of rate 0 would be lost.
  rise = optax.linear_schedule(peak / start, peak, start - 1)
  return optax.join_schedules([rise, schedule], [start])


def _piecewise(
  config: ml_collections.ConfigDict, num_steps: int, start: int
) -> optax.Schedule:
  """What follows the warm-up, from step `start` of the run on."""
  boundaries, factors = config.boundaries, config.factors
  _require(
    len(factors) == len(boundaries) and all(factor > 0 for factor in factors),
    "learning_rate.factors",
    factors,
    f"numbers above 0, one for each of the boundaries {boundaries}",
  )
  _require(
    config.warmup <= min(boundaries, default=1),
    "learning_rate.warmup",
    config.warmup,
    f"a fraction of the run before the boundaries {boundaries}",
  )
  # In a short run two boundaries may fall on one step: both count.
  factor_at = collections.defaultdict(lambda: 1.0)
  for boundary, factor in zip(boundaries, factors, strict=True):
    factor_at[round(boundary * num_steps) - start] *= factor
  return optax.piecewise_constant_schedule(config.peak, dict(factor_at))


def _cosine(
  config: ml_collections.ConfigDict, num_steps: int, start: int
) -> optax.Schedule:
  """What follows the warm-up, from step `start` of the run on."""
  peak, final = config.peak, config.final
  _require(
    0 <= final <= peak,
    "learning_rate.final",
    final,
    f"a number from 0 to the peak, {peak}",
  )
  _require(
    config.warmup < config.until,
    "learning_rate.warmup",
    config.warmup,
    f"a fraction of the run below `until`, {config.until}",
  )
  _require(
    config.cycles >= 1,
    "learning_rate.cycles",
    config.cycles,
    "a whole number above 0",
  )
  length = round(config.until * num_steps) - start
  # A short run has no room for more cycles than steps.
  cycles = max(1, min(config.cycles, length))
  ends = [round(length * i / cycles) for i in range(cycles + 1)]
  descents = [
    optax.cosine_decay_schedule(peak, max(1, end - begin), alpha=final / peak)
    for begin, end in itertools.pairwise(ends)
  ]
  return optax.join_schedules(descents, ends[1:-1])


_SCHEDULES = {"piecewise": _piecewise, "cosine": _cosine}


def adam(
  config: ml_collections.ConfigDict, schedule: optax.Schedule
) -> optax.GradientTransformation:
  """Adam and its kin, with an optional limit on the gradient's norm.

  Args:
    config: `config.optimizer`: `kind`, "adam" (Kingma & Ba 2015), "adamw"
      (Loshchilov & Hutter 2019) or "schedule_free_adam" (Defazio et al. 2024),
      whose `b1` weighs the average that gradients are taken at; `b1`, `b2`,
      `eps`; `weight_decay`, of all parameters, times the learning rate as in
      PyTorch; and `clip_norm`, the largest global norm that passes unscaled, 0
      for no limit.
    schedule: the learning rate by step.

  Raises:
    errors.InputError: there is no such kind, or a field is none that it takes.
  """
  _require(
    config.kind in _KINDS,
    "optimizer.kind",
    config.kind,
    f"one of {', '.join(_KINDS)}",
  )
  _require(
    config.kind != "adam" or not config.weight_decay,
    "optimizer.weight_decay",
    config.weight_decay,
    "0 for adam; adamw and schedule_free_adam decay weights",
  )
  _require(
    config.kind != "schedule_free_adam" or config.b1 > 0,
    "optimizer.b1",
    config.b1,
    "a number above 0 for schedule_free_adam",
  )
  _require(
    config.clip_norm >= 0,
    "optimizer.clip_norm",
    config.clip_norm,
    "a number above 0, or 0 for no limit",
  )
  transform = _KINDS[config.kind](config, schedule)
  if config.clip_norm:
    clip = optax.clip_by_global_norm(config.clip_norm)
    return optax.chain(clip, transform)
  return transform


_KINDS = {
  "adam": lambda config, schedule: optax.adam(
    schedule, b1=config.b1, b2=config.b2, eps=config.eps
  ),
  "adamw": lambda config, schedule: optax.adamw(
    schedule,
    b1=config.b1,
    b2=config.b2,
    eps=config.eps,
    weight_decay=config.weight_decay,
  ),
  "schedule_free_adam": lambda config, schedule: contrib.schedule_free_adamw(
    schedule,
    b1=config.b1,
    b2=config.b2,
    eps=config.eps,
    weight_decay=config.weight_decay,
  ),
}


def _require(valid: bool, field: str, value, expected: str) -> None:
  if not valid:
    raise errors.InputError(f"config.{field} is {value!r}: expected {expected}")
