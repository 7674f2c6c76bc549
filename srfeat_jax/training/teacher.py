"""A teacher: a trained generator whose output is the target, or a share of it.

What compares SR with HR, pixels or VGG-19's features, then compares it with

  share * clip(T(LR)) + (1 - share) * HR,

as in knowledge distillation for super-resolution. Discriminators still see HR.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import errors, models


@dataclasses.dataclass(frozen=True)
class Teacher:
  """A generator that does not learn.

  Attributes:
    generator: maps LR to what SR is to be.
    share: of its output in the target, `config.teacher_share`.
  """

  generator: nn.Module
  share: float

  def target(self, variables: Any, lr: jax.Array, hr: jax.Array) -> jax.Array:
    """What SR is compared with.

    Args:
      variables: of the generator.
      lr: float32 `[b, h, w, 3]` in [0, 1].
      hr: float32 `[b, H, W, 3]` in [0, 1].

    Returns:
      Float32, of the shape and range of `hr`.
    """
    output = jnp.clip(self.generator.apply(variables, lr), 0, 1)
    return self.share * output + (1 - self.share) * hr


def make(
  generator: nn.Module, learner: nn.Module, share: float, dtype: str
) -> Teacher:
  """The teacher of a network.

  Args:
    generator: the trained one.
    learner: the one in training.
    share: of the teacher's output in the target.
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
  return Teacher(generator, share)
