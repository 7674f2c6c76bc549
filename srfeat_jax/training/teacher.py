"""A teacher: a trained generator whose output is the target, or a share of it.

What compares SR with HR, pixels or VGG-19's features, then compares it with

  share * clip(T(LR)) + (1 - share) * HR,

as in knowledge distillation for super-resolution. Discriminators still see HR.
T(LR) is computed in the step, or a batch brings it, read from files.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.ops import pixels


@dataclasses.dataclass(frozen=True)
class Teacher:
  """A generator that does not learn.

  Attributes:
    generator: maps LR to what SR is to be.
  """

  generator: nn.Module

  def output(self, variables: Any, lr: jax.Array) -> jax.Array:
    """What it makes of LR.

    Args:
      variables: of the generator.
      lr: float32 `[b, h, w, 3]` in [0, 1].

    Returns:
      Float32 `[b, H, W, 3]` in [0, 1].
    """
    return jnp.clip(self.generator.apply(variables, lr), 0, 1)


def output_in(batch: Any) -> jax.Array | None:
  """The teacher's output that a batch brings, None if it brings none.

  Args:
    batch: see `degradation.of_batch`; uint8 `[b, H, W, 3]` is its "teacher".

  Returns:
    Float32 `[b, H, W, 3]` in [0, 1].
  """
  if not isinstance(batch, Mapping) or "teacher" not in batch:
    return None
  return pixels.to_float(batch["teacher"])


def target(output: jax.Array, hr: jax.Array, share: float) -> jax.Array:
  """What SR is compared with.

  Args:
    output: the teacher's, float32 `[b, H, W, 3]` in [0, 1].
    hr: likewise.
    share: of the output, `config.teacher_share`.
  """
  return share * output + (1 - share) * hr


def make(generator: nn.Module, learner: nn.Module, dtype: str) -> Teacher:
  """The teacher of a network.

  Args:
    generator: the trained one.
    learner: the one in training.
    dtype: its compute dtype, `config.dtype`; "" leaves it as it is.

  Raises:
    errors.InputError: their scale factors differ.
  """
  if generator.scale != learner.scale:
    raise errors.InputError(
      f"config.teacher upscales by {generator.scale}, and config.generator by"
      f" {learner.scale}: expected weights for x{learner.scale}"
    )
  if dtype and "dtype" in models.fields_of(generator):
    generator = generator.clone(dtype=dtype)
  return Teacher(generator)
