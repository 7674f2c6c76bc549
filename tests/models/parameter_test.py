"""A layer's parameters are those of flax, checked without their initializer."""

from collections.abc import Callable
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest
from flax import errors as flax_errors
from flax import linen as nn

from srfeat_jax.models import parameter


class _Scaled(nn.Module):
  draw: Callable = jax.random.normal

  @nn.compact
  def __call__(self, x):
    return x * parameter.of(self, "scale", self.draw, x.shape[-1:])


class _ScaledByFlax(nn.Module):
  @nn.compact
  def __call__(self, x):
    return x * self.param("scale", jax.random.normal, x.shape[-1:])


class ParameterTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.x = jnp.ones((2, 3))
    self.network = _Scaled()

  def test_begins_as_flax_has_it(self):
    key = jax.random.key(0)
    jax.tree.map(
      np.testing.assert_array_equal,
      self.network.init(key, self.x),
      _ScaledByFlax().init(key, self.x),
    )

  def test_the_initializer_is_not_run_for_what_is_there(self):
    variables = {"params": {"scale": jnp.array([1.0, 2.0, 3.0])}}
    draw = mock.Mock(side_effect=AssertionError)
    y = jax.jit(_Scaled(draw).apply)(variables, self.x)
    np.testing.assert_array_equal(y, [[1, 2, 3]] * 2)

  def test_a_wrong_shape_is_refused(self):
    variables = {"params": {"scale": jnp.ones(1)}}  # which would broadcast
    with self.assertRaises(flax_errors.ScopeParamShapeError):
      self.network.apply(variables, self.x)

  def test_what_is_missing_is_named(self):
    with self.assertRaisesRegex(flax_errors.ScopeParamNotFoundError, "scale"):
      self.network.apply({"params": {"bias": jnp.ones(3)}}, self.x)


if __name__ == "__main__":
  absltest.main()
