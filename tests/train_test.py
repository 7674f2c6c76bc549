"""Whole runs in this process: learning, what they leave behind."""

import contextlib
import json
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors, train
from srfeat_jax.batches import on_host, training_images
from srfeat_jax.configs import finetune, pretrain
from srfeat_jax.training import degradation, optimizers, steps
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.weights import lookup
from tests.support import small_runs


class TrainTest(small_runs.RunTestCase):
  def test_learns_to_beat_bicubic_on_scenes_it_has_not_seen(self):
    config = small_runs.config("synthetic", num_steps=120)
    config.learning_rate.peak = 4e-3
    config.batch_size = 8
    config.crop_size = 48
    config.generator.features = 16
    config.ema_decay = 0.9
    config.data.benchmarks = "synthetic"
    config.data.crops_per_image = 8  # drawing scenes takes longer than steps
    config.log_every = config.eval_every = config.checkpoint_every = 120
    train.train_and_evaluate(config, self.folder / "run")
    log = small_runs.log(self.folder / "run")
    baseline = log[0]["eval/synthetic/psnr_y_bicubic"]
    self.assertGreater(log[-1]["eval/synthetic/psnr_y"], baseline)

  def test_leaves_behind_what_it_should(self):
    state = self.finished("run")
    workdir = self.folder / "run"
    left = {path.name for path in workdir.iterdir()}
    expected = {
      "checkpoints",
      "config.json",
      "environment.json",
      "generator.safetensors",
      "metrics.jsonl",
      "training_curve.png",
    }
    self.assertContainsSubset(expected, left)
    environment = json.loads((workdir / "environment.json").read_text())
    self.assertEqual(environment["dtype"], {"generator": "float32"})
    self.assertStartsWith(environment["matmul_precision"], "the device's: TF32")
    # The file and the checkpoint hold the averaged weights, not the last ones.
    ema = jax.device_get(state.ema)
    for place in (workdir, workdir / "generator.safetensors"):
      loaded = lookup.load(str(place)).variables
      jax.tree.map(
        np.testing.assert_array_equal, loaded["params"], ema["params"]
      )
    last = jax.device_get(state.generator.params["tail"]["bias"])
    self.assertFalse(np.array_equal(last, ema["params"]["tail"]["bias"]))

  def test_stops_when_the_loss_is_not_finite_and_keeps_the_good_state(self):
    workdir = self.folder / "run"
    train.train_and_evaluate(
      small_runs.config(self.images, num_steps=2), workdir
    )
    make_step = steps.make_step

    def make_exploding_step(*args):
      step_fn = make_step(*args)

      def exploding(*args):
        state, metrics = step_fn(*args)
        return jax.tree.map(
          lambda x: (
            jnp.where(state.step < 4, x, x + np.nan)
            if jnp.issubdtype(x.dtype, jnp.floating)
            else x
          ),
          (state, metrics),
        )

      return exploding

    config = small_runs.config(self.images, num_steps=50)
    config.log_every = 50  # so that only saving checks the numbers
    config.checkpoint_every = 1
    with (
      mock.patch.object(steps, "make_step", make_exploding_step),
      self.assertRaisesRegex(
        errors.InputError, "loss/pixel.* is not finite at step 4"
      ),
    ):
      train.train_and_evaluate(config, workdir)
    self.assertEqual(small_runs.checkpoints(workdir), ["2", "3"])
    for leaf in jax.tree.leaves(lookup.load(str(workdir)).variables):
      self.assertTrue(np.isfinite(leaf).all())

  @parameterized.parameters(False, True)
  def test_traces_its_step_once(self, on_device):
    config = small_runs.config(self.images, 2)
    config.data.on_device = on_device
    traced = []
    make_step = steps.make_step

    def make(*arguments):
      step = make_step(*arguments)

      def counted(*state_and_batch):
        traced.append(None)
        return step(*state_and_batch)

      return counted

    with mock.patch.object(steps, "make_step", make):
      train.train_and_evaluate(config, self.folder / "run")
    self.assertLen(traced, 1)

  def test_full_size_network_runs_a_step(self):
    config = pretrain.get_config("srfeat")
    config.data.train = str(self.images)
    config.num_steps = 1
    config.batch_size = 4
    config.crop_size = 32
    state = train.train_and_evaluate(config, self.folder / "run")
    self.assertEqual(int(state.step), 1)

  def test_bfloat16_stays_close(self):
    losses = []
    for dtype in ("float32", "bfloat16"):
      config = small_runs.config(self.images)
      config.generator.dtype = dtype
      train.train_and_evaluate(config, self.folder / dtype)
      losses.append(small_runs.log(self.folder / dtype)[-1]["loss/pixel"])
    self.assertAlmostEqual(*losses, delta=0.01 * losses[0])
    self.assertNotEqual(*losses)


class FineTuneTest(absltest.TestCase):
  """The first steps from trained weights, which cost them the most."""

  def gain(self, learning_rate) -> float:
    """What ten steps add to srfeat-lite's PSNR on crops held out, in dB."""
    config = finetune.get_config()
    config.num_steps = 10
    config.batch_size = 4
    config.crop_size = 48
    config.data.train = "synthetic"
    config.learning_rate = learning_rate
    networks = networks_lib.assemble(config, {})
    optimizer = optimizers.build(config)
    state = state_lib.start(
      lookup.load_for(networks.generator, config.init_from),
      optimizer.generator,
      {},
      optimizer.discriminator,
      keep_ema=True,
    )
    step = jax.jit(steps.make_step(config, networks, optimizer))
    upscale = jax.jit(networks.generator.apply)
    batches = on_host.crops(config, training_images.find(config))
    with contextlib.closing(batches):
      held_out = np.concatenate([next(batches) for _ in range(4)])
      lr, hr = degradation.degrade(jnp.asarray(held_out), 4)

      def psnr() -> float:
        difference = upscale(state.best_variables, lr) - hr
        return -10 * np.log10(np.mean(np.square(difference)))

      before = psnr()
      for _ in range(config.num_steps):
        state, _ = step(state, {}, next(batches))
      return psnr() - before

  def test_does_not_lose_what_the_weights_can_do(self):
    self.assertGreater(self.gain(finetune.get_config().learning_rate), -0.005)
    # Or this test could not fail: the rate that they were trained with.
    rate = pretrain.get_config("srfeat_lite").learning_rate
    self.assertLess(self.gain(rate), -0.02)


if __name__ == "__main__":
  absltest.main()
