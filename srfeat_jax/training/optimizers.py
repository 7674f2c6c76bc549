"""Learning rates over a run, and the optimiser that follows them."""

import optax

from srfeat_jax import errors


def learning_rate(config, num_steps: int) -> optax.Schedule:
  """The learning rate as a function of the step.

  Args:
    config: `config.learning_rate`: `schedule`, `peak`, and for
      "piecewise" `boundaries`, fractions of the run, and `factors`, what the
      rate is multiplied by at each of them;
      "cosine" `final`, the rate reached at the fraction `until` of the run and
      kept from there on (SGDR's annealing without restarts, Loshchilov &
      Hutter 2017, equation 5).
    num_steps: the length of the run.

  Raises:
    errors.InputError: a field does not fit the above.
  """
  if config.schedule == "piecewise":
    if len(config.boundaries) != len(config.factors):
      raise errors.InputError(
        f"config.learning_rate.boundaries has {len(config.boundaries)}"
        f" entries and factors {len(config.factors)}: give one factor for"
        " each boundary"
      )
    return optax.piecewise_constant_schedule(
      config.peak,
      {
        round(boundary * num_steps): factor
        for boundary, factor in zip(
          config.boundaries, config.factors, strict=True
        )
      },
    )
  if config.schedule == "cosine":
    return optax.cosine_decay_schedule(
      config.peak,
      decay_steps=max(1, round(config.until * num_steps)),
      alpha=config.final / config.peak,
    )
  raise errors.InputError(
    f'config.learning_rate.schedule is "{config.schedule}": expected'
    ' "piecewise" or "cosine"'
  )


def adam(config, schedule: optax.Schedule) -> optax.GradientTransformation:
  """Adam (Kingma & Ba 2015) with an optional limit on the gradient's norm.

  Args:
    config: `config.optimizer`: `b1`, `b2`, `eps` and `clip_norm`, the largest
      global norm that passes unscaled, 0 for no limit.
    schedule: the learning rate by step.
  """
  transform = optax.adam(schedule, b1=config.b1, b2=config.b2, eps=config.eps)
  if config.clip_norm:
    clip = optax.clip_by_global_norm(config.clip_norm)
    return optax.chain(clip, transform)
  return transform
