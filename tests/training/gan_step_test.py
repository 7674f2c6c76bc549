"""A step with discriminators: its order, its cost, its numbers on devices."""

import dataclasses
import functools
import itertools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import absltest, parameterized
from flax import linen as nn
from flax import traverse_util
from jax.sharding import AxisType, Mesh
from optax import contrib

from srfeat_jax import errors, models, train
from srfeat_jax.configs import common, gan
from srfeat_jax.models import layers, pooling, vgg19
from srfeat_jax.training import degradation, losses, optimizers, parallel, steps
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib
from tests.support import parity

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
  config.losses.pixel = "mse"
  config.losses.pixel_weight = 0.5
  config.losses.adversarial_weight = 0.1
  config.losses.perceptual_layers = {"conv2_1": 1.0}
  config.losses.feature_layer = "relu2_1"
  config.losses.feature_scale = 0.5
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


def _mean_pool(x: jax.Array, padding: str) -> jax.Array:
  return nn.avg_pool(x, (2, 2), (2, 2), padding)


def _networks(config) -> networks_lib.Networks:
  features, _ = _vgg()
  input_shapes = {
    "image": (1, _CROP, _CROP, 3),
    "feature": (1, _CROP // 2, _CROP // 2, 128),
  }
  return networks_lib.Networks(
    models.build(config.generator),
    features,
    {
      name: models.build_discriminator(each, input_shapes[name][1])
      for name, each in config.discriminators.items()
    },
    input_shapes,
  )


_INITIAL = {}  # variables by what they are of


def _init(config) -> tuple[dict, dict]:
  """Initial variables, made once for all tests of the same networks."""
  key = config.generator.to_json() + config.discriminators.to_json()
  if key not in _INITIAL:
    # Compiled, for op by op it takes several times as long.
    _INITIAL[key] = jax.jit(_networks(config).init)(jax.random.key(0))
  return _INITIAL[key]


# Without optimizers, what is added to the parameters is the gradient.
_RAW = optimizers.Optimizers(
  *[optax.identity(), optax.constant_schedule(0.0)] * 2
)


def _step(config, optimizers_=_RAW):
  return steps.make_step(config, _networks(config), optimizers_)


def _start(config, optimizer=_RAW.generator) -> state_lib.TrainState:
  variables, discriminators = _init(config)
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

    lr, hr = degradation.degrade(jnp.asarray(_crops()), 4)
    generator = networks.generator

    def generate_and_extract_features(params):
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
      _flops(jax.grad(generate_and_extract_features), state.generator.params),
      _flops(features.apply, vgg, hr),
    ]
    for name, module in networks.discriminators.items():
      params = state.discriminators[name].params
      inputs = jnp.ones((8, *networks.input_shapes[name][1:]))

      def discriminator_loss(params, real, fake, module=module):
        logits = [module.apply({"params": params}, x) for x in (real, fake)]
        return losses.adversarial_discriminator(*logits, "vanilla")

      def adversarial_loss(fake, module=module, params=params):
        return jnp.sum(module.apply({"params": params}, fake))

      parts.append(
        _flops(jax.grad(discriminator_loss), params, inputs, 0.5 * inputs)
      )
      parts.append(_flops(jax.grad(adversarial_loss), inputs))
    self.assertLess(step, 1.03 * sum(parts))
    # And the parts are really there: one pass of VGG less would show.
    self.assertGreater(step, sum(parts) - 0.5 * parts[1])


class StartTest(absltest.TestCase):
  def test_a_discriminator_begins_alike_whichever_others_there_are(self):
    config = _config()
    _, both = _init(config)
    for name in ("image", "feature"):
      alone = _config()
      alone.discriminators = {name: config.discriminators[name]}
      _, one = _init(alone)
      jax.tree.map(np.testing.assert_array_equal, one[name], both[name])
    # Runs of earlier versions, with both, go on as they began.
    networks = _networks(config)
    for i, name in enumerate(("feature", "image")):
      key = jax.random.fold_in(jax.random.key(0), i)
      inputs = jnp.zeros(networks.input_shapes[name])
      jax.tree.map(
        np.testing.assert_array_equal,
        jax.jit(networks.discriminators[name].init)(key, inputs),
        both[name],
      )


def _smooth(test):
  """Replaces the activations that have a kink.

  There rounding decides which way a gradient goes, and of the many inputs of
  activations some are always nearly 0.
  """
  return mock.patch.object(
    layers.LeakyReLU, "__call__", lambda self, x: nn.silu(x)
  )(test)


def _change(after, before):
  """What was added to the parameters."""
  return jax.tree.map(
    lambda new, old: np.asarray(new) - np.asarray(old),
    after.params,
    before.params,
  )


class _Oracle:
  """The losses of `_config`, each written out for itself.

  Compiled once for all tests, which need the same: see `_oracle`.
  """

  def __init__(self, config, state):
    self.settings, self.state = config.losses, state
    self.networks = _networks(config)
    self.lr, self.hr = degradation.degrade(jnp.asarray(_crops()), 4)
    self.real = jax.jit(self.inputs)(self.hr)
    self._generator = jax.jit(jax.grad(self.generator_loss))

  def inputs(self, image):
    network, vgg = _vgg()
    features = network.apply(vgg, image)
    scaled = {k: self.settings.feature_scale * x for k, x in features.items()}
    return {"image": image, "feature": scaled["relu2_1"]}, scaled["conv2_1"]

  def fake(self, params):
    sr, _ = self.networks.generator.apply(
      {**self.state.generator.variables, "params": params},
      self.lr,
      train=True,
      mutable=["batch_stats"],
    )
    return self.inputs(sr)

  def logits(self, name, params, inputs):
    return self.networks.discriminators[name].apply(
      {"params": params}, inputs[name]
    )

  def generator_loss(self, params, discriminators, weights):
    inputs, features = self.fake(params)
    total = 0.5 * jnp.mean((inputs["image"] - self.hr) ** 2)
    total += jnp.mean((features - self.real[1]) ** 2)
    for name, each in discriminators.items():
      logits = self.logits(name, each, inputs)
      total += weights[name] * jnp.mean(jnp.log1p(jnp.exp(-logits)))
    return total

  def generator(self, discriminators, without=""):
    """The generator's gradient for these parameters of the discriminators."""
    weights = {k: 0.0 if k == without else 0.1 for k in discriminators}
    return self._generator(self.state.generator.params, discriminators, weights)

  @functools.cached_property
  def discriminators(self):
    """Losses and gradients of the discriminators, before any weight."""
    fake, _ = jax.jit(self.fake)(self.state.generator.params)

    def losses_(params):
      """Their sum, and each: none depends on another's parameters."""
      terms = {}
      for name, each in params.items():
        real_logits = self.logits(name, each, self.real[0])
        fake_logits = self.logits(name, each, fake)
        terms[name] = jnp.mean(
          jnp.log1p(jnp.exp(-real_logits)) + jnp.log1p(jnp.exp(fake_logits))
        )
      return sum(terms.values()), terms

    (_, terms), gradients = jax.jit(jax.value_and_grad(losses_, has_aux=True))(
      _params(self.state.discriminators)
    )
    return terms, gradients


@functools.cache
def _oracle() -> _Oracle:
  """Of a state that begins; for tests that are `_smooth`, as it then is."""
  return _Oracle(_config(), _start(_config()))


def _params(discriminators) -> dict:
  return {name: each.params for name, each in discriminators.items()}


class OrderTest(parameterized.TestCase):
  @parameterized.parameters("discriminator", "generator")
  @_smooth
  def test_order_of_the_updates(self, first):
    config = _config()
    config.update_first = first
    config.losses.discriminator_weight = 0.3
    sgd = optax.sgd(0.5)
    schedule = optax.constant_schedule(0.5)
    optimizers_ = optimizers.Optimizers(_RAW.generator, schedule, sgd, schedule)
    variables, discriminators = _init(config)
    before = state_lib.start(
      variables, _RAW.generator, discriminators, sgd, keep_ema=False
    )
    _, vgg = _vgg()
    after, metrics = jax.jit(_step(config, optimizers_))(before, vgg, _crops())
    oracle = _oracle()

    # The discriminators' fake batch was made before, in either order.
    terms, gradients = oracle.discriminators
    for name in ("image", "feature"):
      np.testing.assert_allclose(
        metrics[f"loss/discriminator_{name}"], terms[name], rtol=1e-4
      )
      parity.assert_trees_close(
        _change(after.discriminators[name], before.discriminators[name]),
        jax.tree.map(lambda x: -0.5 * 0.3 * x, gradients[name]),
      )

    initial = _params(before.discriminators)
    updated = _params(after.discriminators)
    used, other = initial, updated
    if first == "discriminator":
      used, other = updated, initial
    change = _change(after.generator, before.generator)
    parity.assert_trees_close(change, oracle.generator(used))
    # Each of them reaches the generator, and the order is seen at it.
    for wrong, without in ((other, ""), (used, "feature"), (used, "image")):
      with self.assertRaises(AssertionError):
        parity.assert_trees_close(change, oracle.generator(wrong, without))

  def test_unknown_order(self):
    config = _config()
    config.update_first = "both"
    with self.assertRaisesRegex(errors.InputError, 'update_first is "both"'):
      _step(config)


class DiscriminatorStepsTest(absltest.TestCase):
  def test_two_updates_of_the_discriminator_for_one_of_the_generator(self):
    config = _config("srfeat_nobn")
    del config.discriminators["feature"]
    config.losses.perceptual_weight = 0.0
    config.crop_size = 32
    config.generator.features = 4
    config.discriminators.image.input_size = 0
    config.discriminators.image.features = 2
    networks = networks_lib.assemble(config, {})
    sgd, schedule = optax.sgd(0.1), optax.linear_schedule(1e-3, 0.0, 8)
    optimizers_ = optimizers.Optimizers(
      _RAW.generator, _RAW.generator_schedule, sgd, schedule
    )
    variables, discriminators = jax.jit(networks.init)(jax.random.key(0))
    start = state_lib.start(
      variables, _RAW.generator, discriminators, sgd, keep_ema=False
    )
    start = dataclasses.replace(start, step=jnp.int32(3))
    crops = _crops()[:, :32, :32]
    one = jax.jit(steps.make_step(config, networks, optimizers_))
    between, _ = one(start, {}, crops[0::2])
    # As if the generator had not been updated.
    between = dataclasses.replace(between, generator=start.generator)
    expected, _ = one(between, {}, crops[1::2])

    config.discriminator_steps = 2
    two = jax.jit(steps.make_step(config, networks, optimizers_))
    found, metrics = two(start, {}, crops)
    for network in ("generator", "discriminators"):
      jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
        getattr(found, network),
        getattr(expected, network),
      )
    # The seventh and the eighth of its updates.
    rate = metrics["learning_rate/discriminator"]
    np.testing.assert_allclose(rate, schedule(6), rtol=1e-6)


class DevicesTest(parameterized.TestCase):
  @parameterized.parameters("vanilla", "relativistic")
  @_smooth
  @mock.patch.object(pooling, "max_pool", _mean_pool)  # VGG-19 has kinks, too
  @mock.patch.object(nn, "relu", nn.silu)
  def test_four_do_what_one_does(self, adversarial):
    config = _config()
    config.losses.adversarial = adversarial
    # So that the generator's gradient is of discriminators not yet updated,
    # which rounding would have moved apart.
    config.update_first = "generator"
    results = []
    for count in (1, 4):
      mesh = Mesh(jax.devices()[:count], ("data",), axis_types=(AxisType.Auto,))
      replicated = parallel.replicated(mesh)
      _, vgg = _vgg()
      before, vgg = jax.device_put((_start(config), vgg), replicated)
      batch = parallel.to_global(_crops(), mesh)
      after, metrics = jax.jit(_step(config))(before, vgg, batch)
      gradients = [
        _change(*each) for each in zip(_all(after), _all(before), strict=True)
      ]
      results.append((jax.device_get(metrics), gradients))
    one, four = (metrics for metrics, _ in results)
    for name in one:
      if name.startswith(("loss/", "probability/")):
        np.testing.assert_allclose(four[name], one[name], rtol=1e-5)
    for one, four in zip(*(gradients for _, gradients in results), strict=True):
      parity.assert_trees_close(four, one)


def _all(state):
  names = ("feature", "image")
  return [state.generator, *(state.discriminators[name] for name in names)]


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

  def test_a_weight_of_0_leaves_a_term_out(self):
    config = _config()
    config.losses.adversarial_weight = 0.0
    config.losses.perceptual_weight = 0.0
    _, vgg = _vgg()
    _, metrics = jax.eval_shape(_step(config), _start(config), vgg, _crops())
    terms = {name for name in metrics if name.startswith("loss/")}
    self.assertEqual(
      terms,
      {"loss/pixel", "loss/discriminator_image", "loss/discriminator_feature"},
    )

  def test_frozen_batch_norm_keeps_statistics_gamma_and_beta(self):
    config = _config()
    config.discriminators = {}
    config.losses.perceptual_weight = 0.0
    _, vgg = _vgg()
    # As weight decay and momentum would, without any gradient.
    drift = contrib.schedule_free(
      optax.stateless(
        lambda updates, params: jax.tree.map(lambda x: x + 0.1, updates)
      ),
      learning_rate=1.0,
    )
    optimizers_ = dataclasses.replace(_RAW, generator=drift)
    state = state_lib.start(
      _init(config)[0], drift, {}, _RAW.discriminator, keep_ema=True
    )
    lr, hr = degradation.degrade(jnp.asarray(_crops()), 4)
    sr = _networks(config).generator.apply(state.generator.variables, lr)
    with_running_statistics = np.mean(np.square(np.asarray(sr) - hr))
    for frozen in (False, True):
      config.freeze_batch_norm = frozen
      step = jax.jit(_step(config, optimizers_))
      after, metrics = step(state, vgg, _crops())
      for params in (after.generator.params, after.ema["params"]):
        changed = traverse_util.flatten_dict(
          jax.tree.map(np.subtract, params, state.generator.params), sep="/"
        )
        for name, change in changed.items():
          kept = frozen and "norm" in name  # gamma and beta
          self.assertEqual(not change.any(), kept, name)
      ratio = metrics["loss/pixel"] / with_running_statistics
      self.assertEqual(bool(abs(ratio - 1) < 1e-4), frozen)
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
    config.losses.perceptual_weight = 0.0
    del config.discriminators["feature"]
    schedules = [
      optimizers.learning_rate(each, 4)
      for each in (config.learning_rate, config.discriminator_learning_rate)
    ]
    both = optimizers.Optimizers(
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


class OptimizersTest(absltest.TestCase):
  @_smooth
  def test_discriminators_have_optimizer_and_schedule_of_their_own(self):
    config = _config()
    config.learning_rate = common.piecewise(1e-3, (), ())
    config.discriminator_learning_rate = common.piecewise(
      1e-2, boundaries=(1 / 4,), factors=(0.1,)
    )
    config.discriminator_optimizer.eps = 0.1
    optimizers_ = optimizers.build(config)
    variables, discriminators = _init(config)
    states = [
      state_lib.start(
        variables,
        optimizers_.generator,
        discriminators,
        optimizers_.discriminator,
        keep_ema=False,
      )
    ]
    _, vgg = _vgg()
    step = jax.jit(_step(config, optimizers_))
    for _ in range(2):
      states.append(step(states[-1], vgg, _crops())[0])
    _, gradients = _oracle().discriminators
    changes = [
      _change(new.discriminators["image"], old.discriminators["image"])
      for old, new in itertools.pairwise(states)
    ]
    # Adam's first step; an epsilon as large as this shows.
    jax.tree.map(
      lambda x, g: np.testing.assert_allclose(
        x, -1e-2 * g / (np.abs(g) + 0.1), atol=1e-5
      ),
      changes[0],
      jax.device_get(gradients["image"]),
    )
    norms = [float(optax.tree.norm(change)) for change in changes]
    self.assertBetween(norms[1] / norms[0], 0.02, 0.3)
    largest = max(
      np.abs(x).max()
      for x in jax.tree.leaves(
        _change(states[1].generator, states[0].generator)
      )
    )
    self.assertBetween(largest, 0.9e-3, 1.1e-3)


if __name__ == "__main__":
  absltest.main()
