"""A step whose target a teacher makes, by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl.testing import absltest

from srfeat_jax import errors, models
from srfeat_jax.configs import common, pretrain
from srfeat_jax.training import (
  degradation,
  networks,
  optimizers,
  steps,
  teacher,
)
from srfeat_jax.training import state as state_lib

_SHARE = 0.25


def _config():
  config = common.get_config()
  config.generator = pretrain.get_config("srfeat_lite").generator
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.crop_size = 16
  config.losses.perceptual_weight = 1.0
  config.losses.perceptual_layers = {"conv1_1": 1.0}
  config.discriminators.image = ml_collections.ConfigDict(
    {"architecture": "unet", "features": 4}
  )
  return config


class StepTest(absltest.TestCase):
  def test_losses_compare_with_a_share_and_discriminators_with_hr(self):
    config = _config()
    modules = networks.assemble(
      config, {"preprocessing": "torchvision", "pooling": "floor"}
    )
    key = jax.random.key(0)
    variables, discriminators = jax.jit(modules.init)(key)
    vgg = jax.jit(modules.vgg.init)(key, jnp.zeros((1, 16, 16, 3)))
    # Another network, and of no values within [0, 1] alone.
    other = modules.generator.clone(num_blocks=2)
    theirs = jax.jit(lambda: models.init(other, jax.random.key(1)))()
    theirs["params"]["tail"]["bias"] += jnp.float32([1, 0, -1])
    taught = dataclasses.replace(
      modules, teacher=teacher.make(other, modules.generator, _SHARE, "")
    )
    raw, constant = optax.identity(), optax.constant_schedule(0.0)
    each = optimizers.Optimizers(raw, constant, raw, constant)
    before = state_lib.start(
      variables, raw, discriminators, raw, keep_ema=False
    )
    crops = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "u1")
    _, scalars = jax.jit(steps.make_step(config, taught, each))(
      before, vgg, crops, theirs
    )
    lr, hr = degradation.degrade(jnp.asarray(crops), 4)
    output = np.asarray(other.apply(theirs, lr))
    self.assertLess(output.min(), -0.1)
    target = _SHARE * np.clip(output, 0, 1) + (1 - _SHARE) * np.asarray(hr)
    sr = np.asarray(modules.generator.apply(variables, lr))
    features = [
      np.asarray(modules.vgg.apply(vgg, jnp.asarray(image))["conv1_1"])
      for image in (sr, target)
    ]
    for name, expected in (
      ("pixel", np.mean(np.abs(sr - target))),
      ("perceptual", np.mean(np.square(np.subtract(*features) / 12.75))),
    ):
      np.testing.assert_allclose(scalars[f"loss/{name}"], expected, rtol=1e-4)
    logits = modules.discriminators["image"].apply(
      # Advanced by the real batch, as in the step.
      discriminators["image"],
      hr,
      mutable=["batch_stats"],
    )[0]
    np.testing.assert_allclose(
      scalars["probability/image_real"],
      np.mean(1 / (1 + np.exp(-np.asarray(logits)))),
      rtol=1e-5,
    )


class MakeTest(absltest.TestCase):
  def test_another_scale(self):
    learner = models.build(_config().generator)
    with self.assertRaisesRegex(errors.InputError, "by 2, .* weights for x4"):
      teacher.make(learner.clone(scale=2), learner, 1.0, "")

  def test_it_follows_the_dtype_of_the_run(self):
    learner = models.build(_config().generator)
    for dtype, expected in (("", "float32"), ("bfloat16", "bfloat16")):
      made = teacher.make(learner, learner, 1.0, dtype)
      self.assertEqual(made.generator.dtype, expected)


if __name__ == "__main__":
  absltest.main()
