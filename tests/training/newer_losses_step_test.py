"""A step with what came after SRFeat's paper: losses, penalties, local logits.

Each is compared with its equation elsewhere; here, that it is of the right
arrays, and on four devices what it is on one.
"""

import functools

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl.testing import absltest
from flax import linen as nn
from jax.sharding import AxisType, Mesh

from srfeat_jax import models
from srfeat_jax.configs import common, pretrain
from srfeat_jax.models import layers, vgg19
from srfeat_jax.training import (
  config_checks,
  degradation,
  image_losses,
  losses,
  networks,
  optimizers,
  parallel,
  penalties,
  steps,
)
from srfeat_jax.training import state as state_lib
from tests.support import parity

_CROP, _LAYER, _CHANNELS = 16, "relu1_1", 64
_RAW = optimizers.Optimizers(
  *[optax.identity(), optax.constant_schedule(0.0)] * 2
)


class _Discriminator(nn.Module):
  """A small one with a logit a position, and one normalized kernel."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = layers.LeakyReLU(0.2)(layers.Conv(4, stride=2)(x))
    x = layers.LeakyReLU(0.2)(layers.Conv(4, spectral_norm=True)(x))
    return layers.Conv(1)(x)[..., 0]


def _config() -> ml_collections.ConfigDict:
  config = common.get_config()
  config.generator = pretrain.get_config("srfeat_lite").generator
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.allow_scratch = True
  config.ema_decay = 0.9
  config.update_first = "generator"
  config.discriminators.feature = {"architecture": "srgan"}
  config.losses.pixel = "charbonnier"
  config.losses.adversarial = "hinge"
  config.losses.feature_layer = _LAYER
  for name in ("adversarial", "ms_ssim", "fft", "ldl", "feature_matching"):
    config.losses[f"{name}_weight"] = 0.5
  config.losses.r1_weight = 0.2
  config.losses.gradient_penalty_weight = 0.3
  config.losses.penalty_every = 2
  config_checks.check(config)
  return config


def _crops() -> np.ndarray:
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (4, _CROP, _CROP, 3), dtype=np.uint8)


@functools.cache
def _networks() -> tuple[networks.Networks, dict]:
  config = _config()
  vgg = vgg19.VGG19((_LAYER,))
  shape = (1, _CROP, _CROP, _CHANNELS)
  variables = jax.jit(vgg.init)(
    jax.random.key(1), jnp.zeros((1, _CROP, _CROP, 3))
  )
  generator = models.build(config.generator)
  return (
    networks.Networks(
      generator, vgg, {"feature": _Discriminator()}, {"feature": shape}
    ),
    # PyTorch's initial weights, as large as He's.
    jax.tree.map(lambda x: 6**0.5 * x if x.ndim == 4 else x, variables),
  )


@functools.cache
def _start() -> state_lib.TrainState:
  variables, discriminators = jax.jit(_networks()[0].init)(jax.random.key(0))
  state = state_lib.start(
    variables, _RAW.generator, discriminators, _RAW.generator, keep_ema=True
  )
  return state.replace(ema=jax.tree.map(lambda x: 0.9 * x, state.ema))


@functools.cache
def _two_steps(devices: int):
  """The state at first and after a step, and the scalars of two steps."""
  mesh = Mesh(jax.devices()[:devices], ("data",), axis_types=(AxisType.Auto,))
  modules, vgg = _networks()
  before, vgg = jax.device_put((_start(), vgg), parallel.replicated(mesh))
  batch = parallel.to_global(_crops(), mesh)
  step = jax.jit(steps.make_step(_config(), modules, _RAW))
  after, first = step(before, vgg, batch)
  _, second = step(after, vgg, batch)
  return jax.device_get((before, after, first, second))


class StepTest(absltest.TestCase):
  def test_four_devices_do_what_one_does(self):
    changes = []
    for devices in (1, 4):
      before, after, first, _ = _two_steps(devices)
      change = jax.tree.map(
        lambda new, old: new - old,
        (after.generator.params, after.discriminators),
        (before.generator.params, before.discriminators),
      )
      changes.append((change, first))
    parity.assert_trees_close(*changes)

  def test_losses_are_of_the_right_arrays(self):
    before, after, scalars, _ = _two_steps(1)
    modules, vgg_variables = _networks()
    settings = _config().losses
    lr, hr = degradation.degrade(jnp.asarray(_crops()), 4)
    sr, ema_sr = (
      modules.generator.apply(variables, lr)
      for variables in (before.generator.variables, before.ema)
    )
    apply = jax.jit(
      functools.partial(
        modules.discriminators["feature"].apply,
        capture_intermediates=True,
        mutable=["intermediates"],
      )
    )
    scaled = [
      settings.feature_scale * modules.vgg.apply(vgg_variables, x)[_LAYER]
      for x in (sr, hr)
    ]
    initial = before.discriminators["feature"]
    maps = [
      [
        kept["__call__"][0]
        for name, kept in apply(initial.variables, x)[1][
          "intermediates"
        ].items()
        if name.startswith("LeakyReLU")
      ]
      for x in scaled
    ]
    self.assertLen(maps[0], 2)
    # Penalties are of the vectors that the real batch has advanced.
    vectors = after.discriminators["feature"].batch_stats
    discriminator = functools.partial(
      modules.discriminators["feature"].apply,
      {"params": initial.params, "batch_stats": vectors},
    )
    expected = {
      "pixel": image_losses.pixel(sr, hr, "charbonnier"),
      "ms_ssim": image_losses.ms_ssim(sr, hr),
      "fft": image_losses.fft(sr, hr),
      "ldl": image_losses.ldl(sr, hr, ema_sr),
      "feature_matching_feature": losses.feature_matching(*maps),
      "adversarial_feature": -apply(initial.variables, scaled[0])[0].mean(),
      "r1_feature": 2 * penalties.r1(discriminator, scaled[1]),
    }
    for name, value in expected.items():
      self.assertGreater(abs(value), 1e-6, name)
      np.testing.assert_allclose(
        scalars[f"loss/{name}"], value, rtol=1e-4, atol=1e-7, err_msg=name
      )

  def test_penalties_every_other_step(self):
    *_, first, second = _two_steps(1)
    for name in ("loss/r1_feature", "loss/gradient_penalty_feature"):
      self.assertGreater(first[name], 0)
      self.assertEqual(second[name], 0)


if __name__ == "__main__":
  absltest.main()
