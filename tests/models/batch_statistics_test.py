"""Batch normalization against PyTorch in float64, alone and on four devices."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax.models import batch_statistics, layers
from srfeat_jax.training import parallel

_EPSILON = 1e-5
_SHAPE = (8, 6, 7, 5)
_RNG = np.random.default_rng(0)
# Parts of the batch are far apart.
_X = _RNG.normal(np.linspace(-3, 3, 8)[:, None, None, None], 2, _SHAPE)
_WEIGHTS = _RNG.normal(size=_SHAPE).astype(np.float32)
_SCALE, _BIAS = _RNG.normal(size=(2, 5)).astype(np.float32)


def _loss(x, scale, bias):
  found = batch_statistics.normalized(x, scale, bias, _EPSILON)
  return jnp.sum(found.y * _WEIGHTS), found


@functools.cache
def _program(num_devices: int, *, per_device: bool = False, differentiate=True):
  """Value and gradients, compiled for a batch that is split over devices."""
  mesh = parallel.make_mesh(jax.devices()[:num_devices])

  def run(*arguments):
    with batch_statistics.split_over(mesh, per_device=per_device):
      if not differentiate:
        return _loss(*arguments)[1].y
      return jax.value_and_grad(_loss, (0, 1, 2), has_aux=True)(*arguments)

  whole, split = parallel.replicated(mesh), parallel.split(mesh)
  normalized = batch_statistics.Normalized(split, whole, whole)
  out = ((whole, normalized), (split, whole, whole))
  return jax.jit(
    run,
    in_shardings=(split, whole, whole),
    out_shardings=out if differentiate else split,
  )


def _in_torch(x):
  """The same by PyTorch in float64: y, mean, variance and gradients."""
  x, scale, bias = (
    torch.tensor(np.asarray(each, np.float64), requires_grad=True)
    for each in (x, _SCALE, _BIAS)
  )
  y = torch.nn.functional.batch_norm(
    x.permute(0, 3, 1, 2), None, None, scale, bias, training=True, eps=_EPSILON
  ).permute(0, 2, 3, 1)
  (y * torch.tensor(_WEIGHTS)).sum().backward()
  statistics = x.mean((0, 1, 2)), x.var((0, 1, 2), correction=0)
  gradients = x.grad, scale.grad, bias.grad
  return [each.detach().numpy() for each in (y, *statistics, *gradients)]


def _collectives(compiled) -> dict[str, int]:
  """How many messages of each kind all devices wait for."""
  text = compiled.as_text()
  kinds = "all-reduce", "all-gather", "all-to-all", "collective-permute"
  counts = {
    kind: len(re.findall(rf" {kind}(?:-start)?\(", text)) for kind in kinds
  }
  return {kind: count for kind, count in counts.items() if count}


class GlobalTest(parameterized.TestCase):
  @parameterized.product(num_devices=(1, 4), offset=(0.0, 1000.0))
  def test_equals_pytorch(self, num_devices, offset):
    x = (_X + offset).astype(np.float32)
    ((_, found), gradients) = _program(num_devices)(x, _SCALE, _BIAS)
    y, mean, variance, *theirs = _in_torch(x)
    # Values near 1000 are off by 6e-5 each, and deviate by 3.
    near = 2e-4 if offset else 1e-5
    np.testing.assert_allclose(found.y, y, rtol=0, atol=near)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6, atol=1e-6)
    rtol = 5e-5 if offset else 1e-5
    np.testing.assert_allclose(found.variance, variance, rtol=rtol)
    for ours, other in zip(gradients, theirs, strict=True):
      atol = near * np.abs(other).max()
      np.testing.assert_allclose(ours, other, rtol=0, atol=atol)

  def test_the_mean_of_squares_would_be_worse(self):
    x = (_X + 1000).astype(np.float32)
    mean, squares = x.mean((0, 1, 2)), np.square(x).mean((0, 1, 2))
    worse = np.abs((squares - mean**2) / x.astype(float).var((0, 1, 2)) - 1)
    self.assertGreater(worse.max(), 1e-3)

  def test_values_that_do_not_vary(self):
    x = np.full(_SHAPE, 1000.1, np.float32)
    (_, found), _ = _program(1)(x, _SCALE, _BIAS)
    # The mean may be off by its last digit, 6e-5.
    np.testing.assert_allclose(found.variance, 0, atol=4e-9)
    np.testing.assert_allclose(
      found.y, np.broadcast_to(_BIAS, _SHAPE), atol=0.05
    )

  def test_one_message_forward_and_one_backward(self):
    arguments = _X.astype(np.float32), _SCALE, _BIAS
    forward = _program(4, differentiate=False).lower(*arguments).compile()
    self.assertEqual(_collectives(forward), {"all-gather": 1})
    # With the sum that is the loss.
    both = _program(4).lower(*arguments).compile()
    self.assertEqual(_collectives(both), {"all-gather": 1, "all-reduce": 1})
    alone = _program(1).lower(*arguments).compile()
    self.assertEqual(_collectives(alone), {})

  def test_its_gradient_is_differentiated_as_penalties_do(self):
    def plain(x):
      mean = jnp.mean(x, (0, 1, 2))
      variance = jnp.mean(jnp.square(x - mean), (0, 1, 2))
      return (x - mean) * _SCALE / jnp.sqrt(variance + _EPSILON) + _BIAS

    def ours(x):
      return batch_statistics.normalized(x, _SCALE, _BIAS, _EPSILON).y

    def penalty(normalize, x):
      inner = jax.grad(lambda x: jnp.sum(_WEIGHTS * jnp.tanh(normalize(x))))
      return jnp.sum(jnp.square(inner(x)))

    expected, found = (
      jax.jit(jax.grad(functools.partial(penalty, each)))(_X.astype(np.float32))
      for each in (plain, ours)
    )
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-5 * largest)

  def test_gradients_have_the_dtype_of_what_they_are_of(self):
    x = jnp.asarray(_X, jnp.bfloat16)
    (_, found), gradients = jax.eval_shape(_program(1), x, _SCALE, _BIAS)
    self.assertEqual(found.y.dtype, jnp.float32)
    dtypes = [gradient.dtype for gradient in gradients]
    self.assertEqual(dtypes, [jnp.bfloat16, jnp.float32, jnp.float32])


class PerDeviceTest(absltest.TestCase):
  def test_each_device_does_what_it_would_alone(self):
    x = _X.astype(np.float32)
    program = _program(4, per_device=True)
    ((_, found), gradients) = program(x, _SCALE, _BIAS)

    @jax.jit
    def run_alone(x, weights):
      def loss(x):
        alone = batch_statistics.normalized(x, _SCALE, _BIAS, _EPSILON)
        return jnp.sum(alone.y * weights), alone

      return jax.value_and_grad(loss, has_aux=True)(x)

    of_x, statistics = [], []
    for i in range(0, 8, 2):
      (_, alone), gradient = run_alone(x[i : i + 2], _WEIGHTS[i : i + 2])
      np.testing.assert_allclose(found.y[i : i + 2], alone.y, atol=1e-5)
      of_x.append(gradient)
      statistics.append((alone.mean, alone.variance))
    np.testing.assert_allclose(gradients[0], np.concatenate(of_x), atol=1e-5)
    np.testing.assert_allclose(
      [found.mean, found.variance], np.mean(statistics, 0), rtol=1e-5, atol=1e-5
    )
    # And that is not what they do together.
    together = _program(4)(x, _SCALE, _BIAS)[0][1]
    self.assertGreater(np.abs(together.y - found.y).max(), 0.1)

  def test_nothing_is_sent_forward(self):
    program = _program(4, per_device=True, differentiate=False)
    compiled = program.lower(_X.astype(np.float32), _SCALE, _BIAS).compile()
    self.assertEqual(_collectives(compiled), {})


class TrainingBatchNormTest(absltest.TestCase):
  def test_does_what_flax_does_with_its_variables(self):
    x = _X.astype(np.float32)
    settings = {"momentum": 0.7, "epsilon": 1e-3}
    theirs = nn.BatchNorm(
      use_running_average=False, use_fast_variance=False, **settings
    )
    ours = layers.TrainingBatchNorm(dtype="float32", **settings)
    variables = theirs.init(jax.random.key(0), x)
    jax.tree.map(
      np.testing.assert_array_equal, ours.init(jax.random.key(0), x), variables
    )
    found, expected = (
      each.apply(variables, x, mutable=["batch_stats"])
      for each in (ours, theirs)
    )
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
      found,
      expected,
    )
    with batch_statistics.split_over(None, per_device=True):
      self.assertIs(
        layers.batch_norm(train=True, dtype="float32", **settings).func,
        layers.TrainingBatchNorm,
      )
    self.assertEqual(
      layers.batch_norm(train=False, dtype="float32", **settings)(),
      nn.BatchNorm(use_running_average=True, dtype="float32", **settings),
    )


if __name__ == "__main__":
  absltest.main()
