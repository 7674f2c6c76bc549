"""A step with discriminators: its order, its cost, its numbers on devices."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import absltest, parameterized
from flax import linen as nn
from jax.sharding import AxisType, Mesh

from configs import gan
from srfeat_jax import errors, models, train
from srfeat_jax.models import layers, vgg19
from srfeat_jax.training import degrade, losses, optimizers, parallel, steps
from srfeat_jax.training import state as state_lib
from tests import parity

_CROP = 64
_LAYERS = ("conv2_1", "relu2_1")


def _config(variant: str = "srfeat"):
  """Both discriminators, all losses; small enough for a test."""
  config = gan.get_config(variant)
  config.num_steps = 4
  config.generator.features = 8
  config.generator.num_blocks = 1
  config.generator.initializer = "uniform"
  config.crop_size = _CROP
  config.losses.pixel_weight = 0.5
  config.losses.adversarial_weight = 0.1
  config.losses.perceptual_layers = {"conv2_1": 1.0}
  config.losses.feature_layer = "relu2_1"
  config.losses.feature_scale = 1.0
  for name, size in (("image", _CROP), ("feature", _CROP // 2)):
    config.discriminators[name] = gan.get_config().discriminators[name]
    config.discriminators[name].input_size = size
    config.discriminators[name].features = 8
    config.discriminators[name].hidden = 16
  return config


@functools.cache
def _vgg() -> tuple[vgg19.VGG19, dict]:
  network = vgg19.VGG19(_LAYERS)
  image = jnp.zeros((1, _CROP, _CROP, 3))
  return network, jax.jit(network.init)(jax.random.key(1), image)


def _networks(config) -> steps.Networks:
  features, _ = _vgg()
  views = {
    "image": (1, _CROP, _CROP, 3),
    "feature": (1, _CROP // 2, _CROP // 2, 128),
  }
  return steps.Networks(
    models.build(config.generator),
    features,
    {
      name: models.build_discriminator(each, views[name][1])
      for name, each in config.discriminators.items()
    },
    views,
  )


# Without optimisers, what is added to the parameters is the gradient.
_RAW = steps.Optimizers(*[optax.identity(), optax.constant_schedule(0.0)] * 2)


def _step(config, optimizers_=_RAW):
  return steps.make_step(config, _networks(config), optimizers_)


def _start(config, optimizer=_RAW.generator) -> state_lib.TrainState:
  variables, discriminators = _networks(config).init(jax.random.key(0))
  return state_lib.start(
    variables, optimizer, discriminators, optimizer, keep_ema=False
  )


def _crops(batch: int = 8) -> np.ndarray:
  rng = np.random.default_rng(0)
  brightness = np.linspace(1, 0.2, batch)[:, None, None, None]
  noise = rng.integers(0, 256, (batch, _CROP, _CROP, 3))
  return (brightness * noise).astype(np.uint8)


def _flops(function, *arguments) -> float:
  return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


class CostTest(parameterized.TestCase):
  @parameterized.parameters("srfeat", "esrgan")
  def test_nothing_is_computed_twice(self, variant):
    config = _config(variant if variant == "srfeat" else "srfeat_nobn")
    if variant == "esrgan":
      config.update_first = "generator"
      config.losses.adversarial = "relativistic"
    networks, state = _networks(config), _start(config)
    features, vgg = _vgg()
    step = _flops(_step(config), state, vgg, _crops())

    lr, hr = degrade.degrade(jnp.asarray(_crops()), 4)
    generator = networks.generator

    def generate_and_look(params):
      sr, _ = generator.apply(
        {**state.generator.variables, "params": params},
        lr,
        train=True,
        mutable=["batch_stats"],
      )
      return jnp.sum(sr) + sum(
        jnp.sum(x) for x in features.apply(vgg, sr).values()
      )

    parts = [
      _flops(jax.grad(generate_and_look), state.generator.params),
      _flops(features.apply, vgg, hr),
    ]
    for name, module in networks.discriminators.items():
      params = state.discriminators[name].params
      view = jnp.ones((8, *networks.views[name][1:]))

      def judge(params, real, fake, module=module):
        logits = [module.apply({"params": params}, x) for x in (real, fake)]
        return losses.adversarial_discriminator(*logits, "vanilla")

      def fool(fake, module=module, params=params):
        return jnp.sum(module.apply({"params": params}, fake))

      parts.append(_flops(jax.grad(judge), params, view, 0.5 * view))
      parts.append(_flops(jax.grad(fool), view))
    self.assertLess(step, 1.03 * sum(parts))
    # And the parts are really there: one pass of VGG less would show.
    self.assertGreater(step, sum(parts) - 0.5 * parts[1])


class OrderTest(absltest.TestCase):
  def test_the_second_network_meets_the_first_one_updated(self):
    adam = optax.sgd(0.5)
    schedule = optax.constant_schedule(0.5)
    optimizers_ = steps.Optimizers(adam, schedule, adam, schedule)
    after = {}
    for first in ("discriminator", "generator"):
      config = _config()
      config.update_first = first
      state = _start(config, adam)
      _, vgg = _vgg()
      after[first], _ = jax.jit(_step(config, optimizers_))(
        state, vgg, _crops()
      )
    # The discriminators judge what was made before, in either order.
    parity.assert_trees_close(
      *(each.discriminators["image"].params for each in after.values())
    )
    tails = [
      np.asarray(each.generator.params["tail"]["kernel"])
      for each in after.values()
    ]
    self.assertGreater(np.abs(tails[0] - tails[1]).max(), 1e-5)

  def test_unknown_order(self):
    config = _config()
    config.update_first = "both"
    with self.assertRaisesRegex(errors.InputError, 'update_first is "both"'):
      _step(config)


class DevicesTest(parameterized.TestCase):
  # At a kink rounding decides which way a gradient goes, and of the many inputs
  # of activations some are always nearly 0; so here they are smooth.
  @parameterized.parameters("vanilla", "relativistic")
  @mock.patch.object(layers.LeakyReLU, "__call__", lambda self, x: nn.silu(x))
  def test_four_do_what_one_does(self, adversarial):
    config = _config()
    config.losses.adversarial = adversarial
    # So that nobody is judged by a discriminator that rounding has moved.
    config.update_first = "generator"
    results = []
    for count in (1, 4):
      mesh = Mesh(jax.devices()[:count], ("data",), axis_types=(AxisType.Auto,))
      replicated = parallel.replicated(mesh)
      _, vgg = _vgg()
      before, vgg = jax.device_put((_start(config), vgg), replicated)
      batch = parallel.to_global(_crops(), mesh)
      after, metrics = jax.jit(_step(config))(before, vgg, batch)
      gradients = jax.tree.map(
        lambda new, old: np.asarray(new) - np.asarray(old),
        [each.params for each in (after.generator, *_judges(after))],
        [each.params for each in (before.generator, *_judges(before))],
      )
      results.append((jax.device_get(metrics), gradients))
    one, four = (metrics for metrics, _ in results)
    for name in one:
      if name.startswith(("loss/", "probability/")):
        np.testing.assert_allclose(four[name], one[name], rtol=1e-5)
    for one, four in zip(*(gradients for _, gradients in results), strict=True):
      parity.assert_trees_close(four, one)


def _judges(state):
  return [state.discriminators[name] for name in ("feature", "image")]


class TermsTest(absltest.TestCase):
  def test_every_term_is_logged_and_only_those_that_count(self):
    config = _config()
    _, vgg = _vgg()
    _, metrics = jax.eval_shape(_step(config), _start(config), vgg, _crops())
    expected = {
      "loss/pixel",
      "loss/perceptual",
      "gradient_norm/generator",
      "learning_rate/generator",
      "learning_rate/discriminator",
    }
    for name in ("image", "feature"):
      expected |= {
        f"loss/adversarial_{name}",
        f"loss/discriminator_{name}",
        f"probability/{name}_real",
        f"probability/{name}_fake",
        f"gradient_norm/{name}_discriminator",
      }
    self.assertEqual(set(metrics), expected)
    config.losses.pixel_weight = 0.0
    del config.discriminators["feature"]
    _, metrics = jax.eval_shape(_step(config), _start(config), vgg, _crops())
    left = {name for name in expected if "feature" not in name}
    self.assertEqual(set(metrics), left - {"loss/pixel"})

  def test_frozen_batch_norm_uses_and_keeps_its_statistics(self):
    config = _config()
    _, vgg = _vgg()
    state = _start(config)
    for frozen in (False, True):
      config.freeze_batch_norm = frozen
      after, _ = jax.jit(_step(config))(state, vgg, _crops())
      same = jax.tree.map(
        np.array_equal,
        after.generator.batch_stats,
        state.generator.batch_stats,
      )
      self.assertEqual(all(jax.tree.leaves(same)), frozen)

  def test_refuses_a_random_start(self):
    with self.assertRaisesRegex(
      errors.InputError, "config.init_from is empty.*allow_scratch"
    ):
      train.train_and_evaluate(_config(), self.create_tempdir().full_path)

  def test_schedules_are_each_networks_own(self):
    config = _config()
    config.discriminator_learning_rate.peak = 3e-4
    schedules = [
      optimizers.learning_rate(each, 4)
      for each in (config.learning_rate, config.discriminator_learning_rate)
    ]
    both = steps.Optimizers(
      _RAW.generator, schedules[0], _RAW.discriminator, schedules[1]
    )
    _, vgg = _vgg()
    _, metrics = jax.jit(_step(config, both))(_start(config), vgg, _crops())
    np.testing.assert_allclose(
      metrics["learning_rate/discriminator"], 3e-4, rtol=1e-6
    )
    np.testing.assert_allclose(
      metrics["learning_rate/generator"], 1e-4, rtol=1e-6
    )


if __name__ == "__main__":
  absltest.main()
