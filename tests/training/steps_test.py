"""One step of training: on any number of devices, its numbers by hand."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl.testing import absltest, parameterized
from jax.sharding import AxisType, Mesh

from srfeat_jax import errors, models
from srfeat_jax.configs import pretrain
from srfeat_jax.training import (
  config_checks,
  degradation,
  losses,
  optimizers,
  parallel,
  state,
  steps,
)
from srfeat_jax.training import networks as networks_lib


def small_config():
  config = pretrain.get_config("srfeat")
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.generator.initializer = "uniform"
  config.num_steps = 4
  return config


GENERATOR = models.build(small_config().generator)


def crops() -> np.ndarray:
  """A batch that gets darker: its parts are far apart in their statistics."""
  rng = np.random.default_rng(0)
  brightness = np.linspace(1, 0.1, 8)[:, None, None, None]
  return (brightness * rng.integers(0, 256, (8, 16, 16, 3))).astype(np.uint8)


@functools.cache
def initial_variables() -> dict:
  return jax.jit(functools.partial(models.init, GENERATOR))(jax.random.key(0))


def start(optimizer, *, keep_ema: bool = False) -> state.TrainState:
  return state.start(
    initial_variables(), optimizer, {}, optimizer, keep_ema=keep_ema
  )


def make_step(config, optimizer):
  schedule = optimizers.learning_rate(config.learning_rate, config.num_steps)
  networks = networks_lib.Networks(GENERATOR, None, {}, {})
  step = steps.make_step(
    config,
    networks,
    optimizers.Optimizers(optimizer, schedule, optimizer, schedule),
  )
  return jax.jit(lambda state, hr: step(state, {}, hr))


# Without an optimizer, what is added to the parameters is the gradient.
RAW = optax.identity()


def after_one_step(config, num_devices: int, hr: np.ndarray):
  """Gradient, batch statistics and metrics, with the batch split."""
  mesh = Mesh(
    jax.devices()[:num_devices], ("data",), axis_types=(AxisType.Auto,)
  )
  before = jax.device_put(start(RAW), parallel.replicated(mesh))
  batch = parallel.to_global(hr, mesh)
  assert len(batch.addressable_shards) == num_devices
  after, metrics = make_step(config, RAW)(before, batch)
  gradient = jax.tree.map(
    lambda new, old: np.asarray(new) - np.asarray(old),
    after.generator.params,
    before.generator.params,
  )
  return gradient, after.generator.batch_stats, metrics


class DevicesTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.one = after_one_step(small_config(), 1, crops())

  def test_four_do_what_one_does(self):
    four = after_one_step(small_config(), 4, crops())
    self.assertGreater(self.one[2]["gradient_norm/generator"], 0.01)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
      four,
      self.one,
    )

  def test_that_is_not_what_four_alone_would_do(self):
    # Else the test above could pass without statistics of the whole batch.
    step, before = make_step(small_config(), RAW), start(RAW)
    batches = np.split(crops(), 4)
    alone = [step(before, batch)[1]["loss/pixel"] for batch in batches]
    whole = self.one[2]["loss/pixel"]
    self.assertGreater(abs(np.mean(alone) / whole - 1), 1e-3)

  def test_weight_of_the_loss_scales_the_gradient_alone(self):
    config = small_config()
    self.assertEqual(config.losses.pixel_weight, 4.0)
    config.losses.pixel_weight = 1.0
    light = after_one_step(config, 1, crops())
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, 4 * b, rtol=1e-4, atol=1e-5),
      self.one[0],
      light[0],
    )
    np.testing.assert_allclose(
      self.one[2]["loss/pixel"], light[2]["loss/pixel"], rtol=1e-6
    )


class NumbersTest(parameterized.TestCase):
  def test_metrics_and_state(self):
    optimizer = optax.sgd(1e-6)
    step, after = make_step(small_config(), optimizer), start(optimizer)
    rates = []
    for i in range(4):
      self.assertEqual(int(after.step), i)
      before = after
      after, metrics = step(before, crops())
      rates.append(float(metrics["learning_rate/generator"]))
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 1e-5, 1e-6], rtol=1e-6)
    for value in metrics.values():
      self.assertEqual((value.shape, value.dtype), ((), np.float32))
    lr, hr = degradation.degrade(jnp.asarray(crops()), 4)
    apply = functools.partial(
      GENERATOR.apply, train=True, mutable=["batch_stats"]
    )
    sr, _ = jax.jit(apply)(before.generator.variables, lr)
    expected = np.mean(np.square(np.asarray(sr) - np.asarray(hr)))
    np.testing.assert_allclose(metrics["loss/pixel"], expected, rtol=1e-5)
    self.assertEqual(after.ema, {})
    self.assertIs(after.best_variables["params"], after.generator.params)

  def test_average(self):
    config = small_config()
    config.ema_decay = 0.2
    optimizer = optax.sgd(0.1)
    step, now = make_step(config, optimizer), start(optimizer, keep_ema=True)
    expected = jax.device_get(now.ema)
    jax.tree.map(
      np.testing.assert_array_equal, expected, now.generator.variables
    )
    # The share of the old grows with the steps, up to ema_decay.
    for decay in (1 / 10, 2 / 11, 0.2, 0.2):
      now, _ = step(now, crops())
      expected = jax.tree.map(
        lambda old, new, d=decay: (
          d * np.asarray(old) + (1 - d) * np.asarray(new)
        ),
        expected,
        now.generator.variables,
      )
      jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        now.ema,
        expected,
      )
    self.assertIn("batch_stats", now.ema)
    self.assertIs(now.best_variables, now.ema)


def charbonnier(
  compared: losses.Compared, config: ml_collections.ConfigDict
) -> jax.Array:
  """Mean of sqrt(d^2 + epsilon^2) (Lai et al. 2017, section 3.3)."""
  difference = compared.sr - compared.hr
  squares = jnp.square(difference) + config.charbonnier_epsilon**2
  return jnp.mean(jnp.sqrt(squares))


def _epsilon_problem(config: ml_collections.ConfigDict) -> str:
  if config.charbonnier_epsilon > 0:
    return ""
  return "config.losses.charbonnier_epsilon: expected a number above 0"


# As CONTRIBUTING.md says: an entry of the table, and fields of a config.
CHARBONNIER = losses.Loss("charbonnier", charbonnier, problem=_epsilon_problem)


class NewLossTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(
      mock.patch.object(losses, "GENERATOR", (*losses.GENERATOR, CHARBONNIER))
    )
    self.config = small_config()
    self.config.losses.charbonnier_weight = 2.0
    self.config.losses.charbonnier_epsilon = 1e-3

  def test_alone(self):
    self.config.losses.pixel_weight = 0.0
    config_checks.check(self.config)
    optimizer = optax.adam(1e-2)
    step, now = make_step(self.config, optimizer), start(optimizer)
    values = []
    for _ in range(8):
      now, scalars = step(now, crops())
      values.append(float(scalars["loss/charbonnier"]))
    self.assertNotIn("loss/pixel", scalars)
    self.assertLess(values[-1], 0.9 * values[0])

  def test_with_another(self):
    config_checks.check(self.config)
    both, _, scalars = after_one_step(self.config, 1, crops())
    self.assertContainsSubset(["loss/pixel", "loss/charbonnier"], scalars)
    self.config.losses.charbonnier_weight = 0.0
    pixel, _, scalars = after_one_step(self.config, 1, crops())
    self.assertNotIn("loss/charbonnier", scalars)
    self.config.losses.charbonnier_weight = 2.0
    self.config.losses.pixel_weight = 0.0
    alone, _, _ = after_one_step(self.config, 1, crops())
    jax.tree.map(
      lambda a, b, c: np.testing.assert_allclose(
        a, b + c, rtol=1e-3, atol=1e-4
      ),
      both,
      pixel,
      alone,
    )

  def test_its_fields_are_checked(self):
    self.config.losses.charbonnier_epsilon = 0.0
    with self.assertRaisesRegex(errors.InputError, "epsilon: expected a numb"):
      config_checks.check(self.config)
    self.config.losses.charbonnier_weight = 0.0
    config_checks.check(self.config)
    self.config.losses.charbonnier_weight = -1.0
    with self.assertRaisesRegex(errors.InputError, "charbonnier_weight is -1"):
      config_checks.check(self.config)


if __name__ == "__main__":
  absltest.main()
