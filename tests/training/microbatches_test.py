"""A step that takes its batch in parts, against one that takes it whole."""

from unittest import mock

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl.testing import absltest, parameterized
from flax import linen as nn
from jax.sharding import AxisType, Mesh

from srfeat_jax import errors
from srfeat_jax.configs import common, pretrain
from srfeat_jax.models import layers
from srfeat_jax.training import (
  microbatches,
  networks,
  optimizers,
  parallel,
  steps,
)
from srfeat_jax.training import state as state_lib
from tests.support import parity


def _config():
  """Without BatchNorm; the discriminator has spectral normalization.

  Two updates of it in a step, with both penalties, and a loss of the average.
  """
  config = common.get_config()
  config.generator = pretrain.get_config("srfeat_lite").generator
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.crop_size = 16
  config.losses.adversarial_weight = 0.1
  config.losses.ldl_weight = 1.0
  config.losses.r1_weight = 1.0
  config.losses.gradient_penalty_weight = 0.1
  config.ema_decay = 0.9
  config.discriminator_steps = 2
  config.discriminators.image = ml_collections.ConfigDict(
    {"architecture": "unet", "features": 4}
  )
  return config


class StepTest(absltest.TestCase):
  # Without kinks, where rounding decides which way a gradient goes.
  @mock.patch.object(layers.LeakyReLU, "__call__", lambda self, x: nn.silu(x))
  def test_parts_do_what_the_whole_does(self):
    config = _config()
    modules = networks.assemble(config, {})
    # Discriminators learn, for the generator's loss takes the updated ones.
    raw, constant = optax.identity(), optax.constant_schedule(0.0)
    each = optimizers.Optimizers(raw, constant, optax.sgd(0.1), constant)
    variables, discriminators = jax.jit(modules.init)(jax.random.key(0))
    discriminators["image"]["params"]["conv_9"]["kernel"] *= 30
    before = state_lib.start(
      *(variables, raw, discriminators, each.discriminator), keep_ema=True
    )
    before = before.replace(ema=jax.tree.map(lambda x: 0.9 * x, before.ema))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (16, 16, 16, 3))
    # Parts are far apart, so that one of them alone would be seen.
    crops = (np.linspace(1, 0.1, 16)[:, None, None, None] * noise).astype("u1")
    results = []
    for parts, devices in ((1, 1), (2, 4)):
      config.accumulation_steps = parts
      mesh = Mesh(
        jax.devices()[:devices], ("data",), axis_types=(AxisType.Auto,)
      )
      step = jax.jit(steps.make_step(config, modules, each))
      start = jax.device_put(before, parallel.replicated(mesh))
      results.append(step(start, {}, parallel.to_global(crops, mesh)))
    (whole, scalars), (in_parts, others) = jax.device_get(results)
    self.assertEqual(scalars.keys(), others.keys())
    for name in scalars:
      np.testing.assert_allclose(others[name], scalars[name], rtol=1e-4)
    states = [
      (state.generator, state.discriminators["image"])
      for state in (in_parts, whole, jax.device_get(before))
    ]
    for ours, expected, first in zip(*states, strict=True):
      change = [
        jax.tree.map(np.subtract, each.params, first.params)
        for each in (ours, expected)
      ]
      parity.assert_trees_close(*change)
      if expected.batch_stats:
        parity.assert_trees_close(ours.batch_stats, expected.batch_stats)


class MicrobatchesTest(parameterized.TestCase):
  @parameterized.parameters(1, 2, 4)
  def test_mean_over_the_parts(self, count):
    x = np.float32([1, 2, 3, 5])
    # What looks at several images at once is that of each part.
    batches = microbatches.Microbatches((x,), count, lambda part: part.max())
    mean = jax.jit(lambda: batches.mean(lambda y: {"square": y**2}))()
    # Neighbors are on one device, so they are in different parts.
    expected = {1: 25, 2: (9 + 25) / 2, 4: (1 + 4 + 9 + 25) / 4}[count]
    self.assertEqual(mean, {"square": jnp.float32(expected)})

  def test_a_batch_that_cannot_be_divided(self):
    microbatches.check(8, 2)
    with self.assertRaisesRegex(
      errors.InputError, "accumulation_steps is 4, .*divided by 16, the steps"
    ):
      microbatches.check(8, 4)


if __name__ == "__main__":
  absltest.main()
