"""How whole runs go on: after changes, damage, signals; to the bit."""

import contextlib
import io
import json
import pathlib
import shutil
import signal
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models, train
from srfeat_jax.configs import gan, images_seen
from srfeat_jax.evaluation import validator
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.training import interruption, optimizers
from srfeat_jax.weights import lookup
from tests.support import runs, small_runs, vgg19_files
from tests.support.torch_networks import torch_vgg


class ResumptionTest(small_runs.RunTestCase):
  def test_goes_on_with_another_batch_size_and_learning_rate(self):
    workdir = self.folder / "run"
    config = small_runs.config(self.images)
    config.schedule_in = "steps"
    train.train_and_evaluate(config, workdir)
    config.num_steps = 6
    config.batch_size = 8
    config.learning_rate.peak = 1e-30
    config.learning_rate.final = 1e-30
    with self.assertRaisesRegex(
      errors.InputError,
      "batch_size was 4 and is now 8; .*--allow_change=batch_size,learning_r",
    ):
      train.train_and_evaluate(config, workdir)
    before = small_runs.log(workdir)
    allowed = ("batch_size", "learning_rate")
    state = train.train_and_evaluate(config, workdir, allowed)
    self.assertEqual(int(state.step), 6)
    log = small_runs.log(workdir)
    self.assertEqual(log[: len(before)], before)
    np.testing.assert_allclose(
      log[-1]["learning_rate/generator"], 1e-30, rtol=1e-5
    )
    (entry,) = json.loads((workdir / "config_changes.json").read_text())
    self.assertEqual(entry["step"], 4)
    self.assertEqual(entry["changes"]["batch_size"], {"was": 4, "is": 8})
    self.assertIn("learning_rate.peak", entry["changes"])
    # The next crop, after four batches of four, and two of eight.
    self.assertIn("32", str(small_runs.position(workdir, 6)))
    self.assertIn("16", str(small_runs.position(workdir, 4)))

    # Killed before the next checkpoint: the same command goes on, and so does
    # one without the flag, since the change is recorded.
    shutil.rmtree(workdir / "checkpoints" / "6")
    again = train.train_and_evaluate(config, workdir)
    jax.tree.map(np.testing.assert_array_equal, again, state)
    config.batch_size = 4
    with self.assertRaisesRegex(errors.InputError, "was 8 and is now 4"):
      train.train_and_evaluate(config, workdir)

  def test_goes_on_after_as_many_images_with_another_batch_size(self):
    workdir = self.folder / "run"
    config = small_runs.config(self.images, num_steps=8)
    config.log_every = 1
    config.learning_rate.final = 0.0
    schedules = [optimizers.build(config).generator_schedule]
    config.num_steps = 4  # as if it were stopped there
    train.train_and_evaluate(config, workdir)
    config.num_steps = 8
    images_seen.with_batch_size(config, 8)
    self.assertEqual((config.num_steps, config.log_every), (4, 1))
    schedules.append(optimizers.build(config).generator_schedule)
    with self.assertLogs("absl", "WARNING") as logs:
      state = train.train_and_evaluate(config, workdir, ("batch_size",))
    self.assertIn(
      "after 4 steps the run has seen what 2 of 8 images do: it ends at step 6",
      "".join(logs.output),
    )
    # Two steps more, which see 16 images after the first 16 of 32.
    self.assertEqual(int(state.step), 6)
    self.assertEqual(small_runs.position(workdir, 6), {"global_next_index": 32})
    rates = [
      each["learning_rate/generator"]
      for each in small_runs.log(workdir)
      if each["step"] > 4
    ]
    expected = [schedules[1](2), schedules[1](3)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    np.testing.assert_allclose(expected[0], schedules[0](4), rtol=1e-6)
    # It has ended, and the same command says so.
    again = train.train_and_evaluate(config, workdir)
    self.assertEqual(int(again.step), 6)

  def test_a_signal_cuts_validation_short_and_the_next_start_makes_it_up(self):
    config = small_runs.config(self.images)
    config.eval_every = 2
    config.data.benchmarks = str(self.images)
    left_alone = self.folder / "left_alone"
    train.train_and_evaluate(config, left_alone)
    workdir = self.folder / "run"
    validate = validator.Validator.validate
    for last in (2, 4):

      def asked_to_stop(self, step, *arguments, last=last):
        if step == last:
          signal.raise_signal(signal.SIGTERM)
        return validate(self, step, *arguments)

      with (
        mock.patch.object(validator.Validator, "validate", asked_to_stop),
        self.assertRaisesRegex(
          interruption.Stopped, f"^stopped at step {last}: "
        ),
      ):
        train.train_and_evaluate(config, workdir)
    self.assertFalse((workdir / "generator.safetensors").exists())
    # Killed when it has made up the validation, and before a checkpoint.
    with (
      mock.patch.object(train, "_train", side_effect=KeyboardInterrupt),
      self.assertRaises(KeyboardInterrupt),
    ):
      train.train_and_evaluate(config, workdir)
    train.train_and_evaluate(config, workdir)
    logs = [
      [
        {k: v for k, v in line.items() if not k.startswith("speed/")}
        for line in small_runs.log(each)
      ]
      for each in (left_alone, workdir)
    ]
    self.assertEqual(*logs)
    for name in ("generator.safetensors", "best_generator.safetensors"):
      self.assertEqual(
        *((each / name).read_bytes() for each in (left_alone, workdir))
      )

  def test_fewer_steps_than_are_done_change_nothing(self):
    self.finished("run")
    workdir = self.folder / "run"
    before = {path: path.stat().st_mtime_ns for path in workdir.iterdir()}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(
        small_runs.config(self.images, num_steps=2), workdir
      )
    self.assertEqual(
      output.getvalue(), "already at step 4 of 2: nothing to do\n"
    )
    after = {path: path.stat().st_mtime_ns for path in workdir.iterdir()}
    self.assertEqual(after, before)

  def test_other_images_on_the_way_are_told(self):
    workdir = self.folder / "run"
    self.images = shutil.copytree(self.images, self.folder / "images")
    train.train_and_evaluate(small_runs.config(self.images), workdir)
    with self.assertNoLogs("absl", "WARNING"):
      train.train_and_evaluate(small_runs.config(self.images), workdir)
    (self.images / "0.png").rename(self.images / "9.png")
    with self.assertLogs("absl", "WARNING") as logs:
      train.train_and_evaluate(small_runs.config(self.images), workdir)
    self.assertIn("images are not those the run began with", logs.output[0])

  def test_refuses_checkpoints_of_another_config_though_config_is_lost(self):
    self.finished("run")
    workdir = self.folder / "run"
    (workdir / "config.json").unlink()
    config = small_runs.config(self.images, num_steps=6)
    config.generator.features = 12
    with self.assertRaisesRegex(
      errors.InputError, "generator.features was 8 and is now 12"
    ):
      train.train_and_evaluate(config, workdir)
    self.assertFalse((workdir / "config.json").exists())
    state = train.train_and_evaluate(small_runs.config(self.images, 6), workdir)
    self.assertEqual(int(state.step), 6)

  @parameterized.parameters("cut", "empty files", "no state", "no files")
  def test_goes_on_from_the_checkpoint_before_a_damaged_one(self, how):
    expected = self.finished("run")
    workdir = self.folder / "run"
    runs.damage(workdir / "checkpoints" / "4", how)
    with self.assertLogs("absl", "WARNING") as logs:
      state = train.train_and_evaluate(small_runs.config(self.images), workdir)
    self.assertRegex(
      "".join(logs.output),
      "checkpoint 4 in .* is damaged .* goes on from step 2, .*/damaged_check",
    )
    jax.tree.map(np.testing.assert_array_equal, state, expected)
    self.assertEqual(small_runs.checkpoints(workdir), ["2", "4"])
    damaged = workdir / "damaged_checkpoints"
    self.assertEqual([path.name for path in damaged.iterdir()], ["4"])

  @parameterized.parameters("cut", "empty files")
  def test_without_a_whole_checkpoint_nothing_is_moved(self, how):
    self.finished("run")
    workdir = self.folder / "run"
    for step in ("2", "4"):
      runs.damage(workdir / "checkpoints" / step, how)
    with self.assertRaisesRegex(
      errors.InputError, "checkpoint 4 in .* is damaged .*no other is whole"
    ):
      train.train_and_evaluate(small_runs.config(self.images), workdir)
    self.assertEqual(small_runs.checkpoints(workdir), ["2", "4"])
    self.assertFalse((workdir / "damaged_checkpoints").exists())


class AdversarialTest(small_runs.RunTestCase):
  """A whole run with both discriminators and VGG-19, of random weights."""

  def setUp(self):
    super().setUp()
    (self.folder / "benchmarks" / "Noise").mkdir(parents=True)
    runs.make_images(self.folder / "benchmarks" / "Noise" / "HR", count=1)
    self.vgg = self.folder / "vgg19.npy"
    vgg19_files.write("npy", self.vgg, torch_vgg.state())

  def config(self):
    config = gan.get_config("srfeat_lite")
    config.num_steps = 4
    config.batch_size = 4
    config.crop_size = 32
    config.generator.features = 8
    config.generator.num_blocks = 1
    config.discriminators.image = gan.unet_discriminator(features=4)
    config.discriminators.feature.input_size = 16
    config.discriminators.feature.features = 4
    config.discriminators.feature.hidden = 8
    config.losses.ldl_weight = 1.0
    config.losses.perceptual_layers = {"conv2_1": 1.0}
    config.losses.feature_layer = "relu2_1"
    config.vgg_weights = str(self.vgg)
    config.teacher, config.teacher_share = "srfeat-lite", 0.5
    config.init_from = str(self.folder / "start.safetensors")
    config.data.train = str(self.images)
    config.data.benchmarks = str(self.folder / "benchmarks")
    config.log_every = 1
    config.checkpoint_every = config.eval_every = 2
    config.keep_checkpoints = 1
    config.keep_every = 2
    config.profile_steps = (3, 3)
    return config

  def test_goes_on_exactly_though_what_it_began_with_has_gone(self):
    config = self.config()
    generator = config.generator.to_dict()
    start = models.init(models.build(generator), jax.random.key(7))
    safetensors_file.save(config.init_from, generator, start)
    straight, resumed = self.folder / "straight", self.folder / "resumed"
    expected = train.train_and_evaluate(config, straight)

    log = small_runs.log(straight)
    # The curve begins at the start's own score.
    self.assertEqual([line["step"] for line in log[:3]], [0, 0, 1])
    self.assertIn("eval/noise/psnr_y_bicubic", log[0])
    self.assertIn("eval/noise/psnr_y", log[1])
    for name in (
      "loss/perceptual",
      "loss/ldl",
      "loss/adversarial_image",
      "loss/adversarial_feature",
      "loss/discriminator_feature",
      "probability/feature_real",
    ):
      self.assertIn(name, log[-2])

    # Two validations, of which one was the best: its weights, or the last ones.
    best = lookup.load(str(straight / "best_generator.safetensors")).variables
    scores = {
      line["step"]: line["eval/noise/psnr_y"]
      for line in log[2:]
      if "eval/noise/psnr_y" in line
    }
    self.assertCountEqual(scores, (2, 4))
    is_last = jax.tree.map(
      np.array_equal, best["params"], jax.device_get(expected.ema["params"])
    )
    self.assertEqual(all(jax.tree.leaves(is_last)), scores[4] > scores[2])
    self.assertEqual(small_runs.checkpoints(straight), ["2", "4"])
    self.assertLen(list(straight.glob("plugins/profile/*/*.xplane.pb")), 1)
    # Before the first step, in the middle, at the end; and the same afterwards.
    outputs = small_runs.files(straight / "snapshots")
    self.assertEqual(
      list(outputs),
      [f"{name}/Noise/0.png" for name in ("0", "2", "4", "HR", "LR")],
    )
    self.assertLen(set(outputs.values()), 5)

    shutil.copytree(straight, resumed)
    shutil.rmtree(resumed / "checkpoints" / "4")
    shutil.rmtree(resumed / "snapshots" / "4")
    pathlib.Path(config.init_from).unlink()
    moved = self.vgg.rename(self.folder / "moved.npy")
    config.vgg_weights = str(moved)
    config.init_from = str(self.folder / "gone")
    # As configs had it before a size of 0 stood for that of the input.
    self.assertGreater(config.discriminators.feature.input_size, 0)
    config.discriminators.feature.input_size = 0
    with self.assertLogs("absl", "WARNING") as warnings:
      actual = train.train_and_evaluate(config, resumed)
    for field in ("config.init_from was", "config.vgg_weights was"):
      self.assertIn(field, "".join(warnings.output))
    jax.tree.map(np.testing.assert_array_equal, actual, expected)
    self.assertEqual(int(actual.step), 4)
    self.assertEqual(small_runs.files(resumed / "snapshots"), outputs)

    config.init_from = str(self.folder / "start.safetensors")
    with self.assertRaisesRegex(
      errors.InputError, "config.init_from is .*, which does not exist"
    ):
      train.train_and_evaluate(config, self.folder / "new")
    self.assertFalse((self.folder / "new").exists())


if __name__ == "__main__":
  absltest.main()
