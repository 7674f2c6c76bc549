"""Training steps with a logit a pixel, or a patch, and with state to keep."""

import functools
import pathlib
import shutil
from unittest import mock

import jax
import ml_collections
import numpy as np
import optax
from absl.testing import absltest, parameterized
from flax import linen as nn
from jax.sharding import AxisType, Mesh

from srfeat_jax import errors, train
from srfeat_jax.configs import common, pretrain
from srfeat_jax.models import layers
from srfeat_jax.training import (
  degradation,
  losses,
  networks,
  optimizers,
  parallel,
  steps,
)
from srfeat_jax.training import state as state_lib
from srfeat_jax.weights import lookup, starts
from tests.support import parity, runs

_CROP = 16
_DISCRIMINATORS = {
  "unet": {"architecture": "unet", "features": 4},
  # The size is that of no crop here: logits per patch take any.
  "patch": {"architecture": "srgan", "logits": "patch", "features": 4,
            "input_size": 296},
}  # fmt: skip


def _config(discriminator: str):
  config = common.get_config()
  config.generator = pretrain.get_config("srfeat_lite").generator
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.crop_size = _CROP
  config.batch_size = 4
  config.num_steps = 4
  config.allow_scratch = True
  config.ema_decay = 0.9
  config.losses.adversarial_weight = 0.1
  config.discriminators.image = ml_collections.ConfigDict(
    _DISCRIMINATORS[discriminator]
  )
  return config


# Without optimizers, what is added to the parameters is the gradient.
_RAW = optimizers.Optimizers(
  *[optax.identity(), optax.constant_schedule(0.0)] * 2
)


def _start(config) -> state_lib.TrainState:
  # Compiled, for op by op it takes several times as long.
  init = jax.jit(networks.assemble(config, {}).init)
  variables, discriminators = init(jax.random.key(0))
  if config.discriminators.image.architecture == "unet":
    # It begins almost undecided, where gradients of relativistic losses
    # cancel down to rounding.
    discriminators["image"]["params"]["conv_9"]["kernel"] *= 30
  return state_lib.start(
    variables,
    _RAW.generator,
    discriminators,
    _RAW.discriminator,
    keep_ema=False,
  )


def _step(config):
  return steps.make_step(config, networks.assemble(config, {}), _RAW)


def _crops() -> np.ndarray:
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (4, _CROP, _CROP, 3), dtype=np.uint8)


def _change(after, before):
  return jax.tree.map(
    lambda new, old: np.asarray(new) - np.asarray(old),
    after.params,
    before.params,
  )


class StepTest(parameterized.TestCase):
  @parameterized.parameters("discriminator", "generator")
  def test_one_iteration_per_update(self, first):
    config = _config("unet")
    config.update_first = first
    before = _start(config)
    after, metrics = jax.jit(_step(config))(before, {}, _crops())

    modules = networks.assemble(config, {})
    apply = jax.jit(modules.discriminators["image"].apply)
    initial = before.discriminators["image"]
    lr, hr = degradation.degrade(jax.numpy.asarray(_crops()), 4)
    sr = jax.jit(modules.generator.apply)(before.generator.variables, lr)

    @functools.partial(jax.value_and_grad, has_aux=True)
    def loss(params):
      module = modules.discriminators["image"]
      variables = {"params": params, "batch_stats": initial.batch_stats}
      real, updates = module.apply(variables, hr, mutable=["batch_stats"])
      fake = module.apply({**variables, **updates}, sr)
      total = losses.adversarial_discriminator(real, fake, "vanilla")
      return total, updates["batch_stats"]

    (expected, vectors), gradient = jax.jit(loss)(initial.params)
    updated = after.discriminators["image"]
    np.testing.assert_allclose(
      metrics["loss/discriminator_image"], expected, rtol=1e-5
    )
    parity.assert_trees_close(_change(updated, initial), gradient)
    parity.assert_trees_close(updated.batch_stats, vectors)
    # The generator's loss is of the discriminator as it then is.
    then = updated if first == "discriminator" else initial
    adversarial = losses.adversarial_generator(
      hr, apply(then.variables, sr), "vanilla"
    )
    np.testing.assert_allclose(
      metrics["loss/adversarial_image"], adversarial, rtol=1e-5
    )

  # Relativistic losses compare each logit with means over all devices.
  @parameterized.parameters(("unet", "relativistic"), ("patch", "vanilla"))
  # Without kinks, where rounding decides which way a gradient goes.
  @mock.patch.object(layers.LeakyReLU, "__call__", lambda self, x: nn.silu(x))
  def test_four_devices_do_what_one_does(self, discriminator, adversarial):
    config = _config(discriminator)
    config.losses.adversarial = adversarial
    config.update_first = "generator"
    start, results = _start(config), []
    for count in (1, 4):
      mesh = Mesh(jax.devices()[:count], ("data",), axis_types=(AxisType.Auto,))
      before = jax.device_put(start, parallel.replicated(mesh))
      batch = parallel.to_global(_crops(), mesh)
      after, metrics = jax.jit(_step(config))(before, {}, batch)
      networks_ = [each.discriminators["image"] for each in (after, before)]
      results.append(
        jax.device_get(
          (
            {k: x for k, x in metrics.items() if k.startswith("loss/")},
            _change(after.generator, before.generator),
            _change(*networks_),
            networks_[0].batch_stats,
          )
        )
      )
    self.assertIn("loss/adversarial_image", results[0][0])
    if adversarial == "relativistic":
      # Nothing but rounding is left of the gradient to the last bias: that of
      # real and that of fake, 1/4 each, cancel while D tells nothing apart.
      biases = [each[2]["conv_9"].pop("bias") for each in results]
      np.testing.assert_allclose(*biases, rtol=0, atol=1e-6 / 4)
      np.testing.assert_allclose(biases[0], 0, atol=1e-3)
    for one, four in zip(*results, strict=True):
      if one:  # a logit a patch has no state
        parity.assert_trees_close(four, one)


class RunTest(parameterized.TestCase):
  def test_goes_on_exactly(self):
    folder = pathlib.Path(self.create_tempdir())
    config = _config("unet")
    # Schedule-free, in two parts a step, and discriminators of another run.
    config.ema_decay = 0.0
    config.optimizer.kind = "schedule_free_adam"
    config.batch_size, config.accumulation_steps = 8, 2
    config.data.train = str(runs.make_images(folder / "images"))
    config.checkpoint_every = 2
    expected = train.train_and_evaluate(config, folder / "straight")
    vectors = jax.tree.leaves(expected.discriminators["image"].batch_stats)
    self.assertLen(vectors, 16)  # two for each of eight kernels
    saved = lookup.load(str(folder / "straight")).variables["params"]
    trained = expected.generator.params
    np.testing.assert_array_equal(
      saved["tail"]["bias"], expected.ema["params"]["tail"]["bias"]
    )
    self.assertFalse(
      np.array_equal(saved["tail"]["bias"], trained["tail"]["bias"])
    )
    shutil.copytree(folder / "straight", folder / "resumed")
    shutil.rmtree(folder / "resumed" / "checkpoints" / "4")
    actual = train.train_and_evaluate(config, folder / "resumed")
    self.assertEqual(int(actual.step), 4)
    jax.tree.map(np.testing.assert_array_equal, actual, expected)

    config.init_discriminators_from = str(folder / "straight")
    began = starts.make(
      config,
      networks.assemble(config, {}),
      optimizers.build(config),
      parallel.make_mesh(),
      begins=True,
    )
    jax.tree.map(
      np.testing.assert_array_equal,
      began.discriminators["image"].variables,
      expected.discriminators["image"].variables,
    )

  def test_refuses_crops_that_do_not_divide(self):
    config = _config("unet")
    config.crop_size = 20
    with self.assertRaisesRegex(
      errors.InputError,
      r"^config\.discriminators\.image\.architecture: unet .* 20x20; change",
    ):
      train.train_and_evaluate(config, self.create_tempdir().full_path)


if __name__ == "__main__":
  absltest.main()
