"""Whole runs in this process: learning, starting points, what they leave."""

import contextlib
import io
import json
import pathlib
import shutil
import signal
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors, models, train
from srfeat_jax.batches import device_memory, on_host, training_images
from srfeat_jax.configs import finetune, gan, images_seen, pretrain
from srfeat_jax.data import inspection
from srfeat_jax.evaluation import validator
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.preparation import planning, recipes, sets
from srfeat_jax.training import degradation, interruption, optimizers, steps
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.weights import lookup
from tests.support import runs, vgg19_files
from tests.support.torch_networks import torch_vgg


def _tiny(images, num_steps=4):
  config = pretrain.get_config("srfeat_lite")
  config.num_steps = num_steps
  config.batch_size = 4
  config.crop_size = 16
  config.generator.features = 8
  config.generator.num_blocks = 1
  config.data.train = str(images)
  config.log_every = 2
  config.checkpoint_every = 2
  return config


def _log(workdir):
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  return [json.loads(line) for line in lines]


def _files(folder: pathlib.Path) -> dict[str, bytes]:
  """What is in the files of a folder, by their paths in it."""
  paths_of_files = sorted(path for path in folder.rglob("*") if path.is_file())
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in paths_of_files
  }


def _checkpoints(workdir):
  return sorted(path.name for path in (workdir / "checkpoints").iterdir())


def _position(workdir, step) -> dict:
  """Where a checkpoint says that the run was in its data."""
  (path,) = (workdir / "checkpoints" / str(step) / "data").glob("metadata")
  return json.loads(path.read_text())["position"]


class TrainTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.create_tempdir())
    self.images = runs.make_images(self.folder / "images")

  def test_learns_to_beat_bicubic_on_scenes_it_has_not_seen(self):
    config = _tiny("synthetic", num_steps=120)
    config.learning_rate.peak = 4e-3
    config.batch_size = 8
    config.crop_size = 48
    config.generator.features = 16
    config.ema_decay = 0.9
    config.data.benchmarks = "synthetic"
    config.data.crops_per_image = 8  # drawing scenes takes longer than steps
    config.log_every = config.eval_every = config.checkpoint_every = 120
    train.train_and_evaluate(config, self.folder / "run")
    log = _log(self.folder / "run")
    baseline = log[0]["eval/synthetic/psnr_y_bicubic"]
    self.assertGreater(log[-1]["eval/synthetic/psnr_y"], baseline)

  def test_leaves_behind_what_it_should(self):
    workdir = self.folder / "run"
    state = train.train_and_evaluate(_tiny(self.images), workdir)
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

  @parameterized.parameters("", "generator.safetensors")
  def test_starts_from_the_weights_of_another_run(self, name):
    first = self.folder / "first"
    ended = train.train_and_evaluate(_tiny(self.images), first)
    config = _tiny(self.images)
    config.learning_rate.peak = 1e-30  # so that it ends where it starts
    config.learning_rate.final = 1e-30
    config.init_from = str(first / name)
    state = train.train_and_evaluate(config, self.folder / "second")
    jax.tree.map(
      np.testing.assert_allclose, state.generator.params, ended.ema["params"]
    )

  @parameterized.parameters(
    ({"scale": 2}, {}, ("upsample_1",)),
    ({}, {"scale": 2}, ()),
    ({"scale": 1}, {"scale": 3, "num_blocks": 2},
     ("blocks_1", "skips_0", "upsample_0")),
  )  # fmt: skip
  def test_starts_from_weights_of_another_size(self, theirs, ours, new):
    first = self.folder / "first"
    config = _tiny(self.images, num_steps=2)
    config.crop_size = 24
    config.generator.update(theirs)
    ended = train.train_and_evaluate(config, first).ema["params"]
    config = _tiny(self.images, num_steps=2)
    config.crop_size = 24
    config.generator.update(ours)
    config.learning_rate.peak = 1e-30  # so that it ends where it starts
    config.learning_rate.final = 1e-30
    random = train.train_and_evaluate(config, self.folder / "random")
    config.init_from = str(first)
    state = train.train_and_evaluate(config, self.folder / "second")
    random, params = random.generator.params, state.generator.params
    self.assertEqual(params.keys(), random.keys())
    self.assertContainsSubset(new, params.keys())
    for name in params:
      expected = random if name in new else ended
      jax.tree.map(np.testing.assert_allclose, params[name], expected[name])
    # The run resumes, its start gone.
    shutil.rmtree(first)
    config.num_steps = 3
    resumed = train.train_and_evaluate(config, self.folder / "second")
    self.assertEqual(int(resumed.step), 3)

  @parameterized.parameters("", ",{images}=2")
  def test_trains_on_pairs(self, more):
    for name in ("hr", "lr"):
      (self.folder / name).mkdir()
    for path in self.images.iterdir():
      with Image.open(path) as hr:
        hr.save(self.folder / "hr" / path.name)
        lr = hr.resize((hr.width // 2, hr.height // 2), Image.Resampling.BOX)
        lr.save(self.folder / "lr" / f"{path.stem}x2.png")
    train_on = f"hr={self.folder}/hr,lr={self.folder}/lr{more}"
    config = _tiny(train_on.format(images=self.images))
    config.generator.scale = 2
    with contextlib.redirect_stdout(io.StringIO()) as output:
      whole = train.train_and_evaluate(config, self.folder / "whole")
    self.assertRegex(
      output.getvalue(),
      r"6 pairs of HR and LR: LR is not MATLAB's bicubic of HR \(2\d\.\d dB",
    )
    other = _tiny(self.images)
    other.generator.scale = 2
    from_hr = train.train_and_evaluate(other, self.folder / "from_hr")
    # Otherwise LR images would not count.
    self.assertNotEqual(
      whole.generator.params["tail"]["bias"][0],
      from_hr.generator.params["tail"]["bias"][0],
    )
    # Resumed after step 2, the run ends with the same bits.
    shutil.copytree(self.folder / "whole", self.folder / "resumed")
    shutil.rmtree(self.folder / "resumed" / "checkpoints" / "4")
    again = train.train_and_evaluate(config, self.folder / "resumed")
    jax.tree.map(np.testing.assert_array_equal, again, whole)

  def test_a_degradation_of_no_image_is_told(self):
    config = _tiny(f"hr={self.images},lr={self.images}")
    config.generator.scale = 1
    with self.assertNoLogs(level="WARNING"):
      training_images.find(config)
    config.degradation.kind = "photo"
    with self.assertLogs(level="WARNING") as logs:
      training_images.find(config)
    self.assertIn("kind is photo, without effect, bec", "\n".join(logs.output))
    config.data.train += f",{self.images}=1"  # whose LR is made
    with self.assertNoLogs(level="WARNING"):
      training_images.find(config)

  def test_restoration_without_degradation_is_told(self):
    config = _tiny(self.images, num_steps=2)
    config.generator.scale = 1
    with self.assertLogs(level="WARNING") as logs:
      train.train_and_evaluate(config, self.folder / "run")
    self.assertIn("LR is HR itself", "\n".join(logs.output))

  def test_inspects_its_images_once(self):
    workdir = self.folder / "run"
    with mock.patch.object(
      inspection, "inspect", wraps=inspection.inspect
    ) as inspect:
      train.train_and_evaluate(_tiny(self.images, num_steps=1), workdir)
      self.assertEqual(inspect.call_count, 1)
      train.train_and_evaluate(_tiny(self.images, num_steps=2), workdir)
      self.assertEqual(inspect.call_count, 1)  # not again on resuming

  def test_prints_what_it_starts_from_before_it_trains(self):
    config = _tiny(self.images, num_steps=1)
    config.log_every = 1
    start = models.init(models.build(config.generator), jax.random.key(7))
    config.init_from = str(self.folder / "start.safetensors")
    safetensors_file.save(config.init_from, config.generator.to_dict(), start)
    (self.folder / "benchmarks" / "Noise").mkdir(parents=True)
    runs.make_images(self.folder / "benchmarks" / "Noise" / "HR", count=1)
    config.data.benchmarks = str(self.folder / "benchmarks")
    with contextlib.redirect_stdout(io.StringIO()) as output:
      train.train_and_evaluate(config, self.folder / "run")
    log = _log(self.folder / "run")
    before, found, _ = output.getvalue().partition("pixel")  # of the losses
    self.assertTrue(found)
    for line, name in zip(log, ("psnr_y_bicubic", "psnr_y"), strict=False):
      self.assertEqual(line["step"], 0)
      score = f"{line[f'eval/noise/{name}']:.5g}"
      self.assertRegex(before, rf"eval/noise/{name}\s+{score}\b")

  def test_refuses_weights_of_another_architecture(self):
    first = self.folder / "first"
    train.train_and_evaluate(_tiny(self.images), first)
    config = _tiny(self.images)
    config.init_from = str(first)
    config.generator.features = 12
    config.generator.num_blocks = 2
    with self.assertRaisesRegex(
      errors.InputError,
      r"features is 8 and 12; num_blocks is 1 and 2; .* missing:"
      r" params/blocks_1/.* of another shape: .*\(3, 3, 8, 8\) instead"
      r" of \(3, 3, 12, 12\)",
    ):
      train.train_and_evaluate(config, self.folder / "second")

  def test_goes_on_with_another_batch_size_and_learning_rate(self):
    workdir = self.folder / "run"
    config = _tiny(self.images)
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
    before = _log(workdir)
    allowed = ("batch_size", "learning_rate")
    state = train.train_and_evaluate(config, workdir, allowed)
    self.assertEqual(int(state.step), 6)
    log = _log(workdir)
    self.assertEqual(log[: len(before)], before)
    np.testing.assert_allclose(
      log[-1]["learning_rate/generator"], 1e-30, rtol=1e-5
    )
    (entry,) = json.loads((workdir / "config_changes.json").read_text())
    self.assertEqual(entry["step"], 4)
    self.assertEqual(entry["changes"]["batch_size"], {"was": 4, "is": 8})
    self.assertIn("learning_rate.peak", entry["changes"])
    # The next crop, after four batches of four, and two of eight.
    self.assertIn("32", str(_position(workdir, 6)))
    self.assertIn("16", str(_position(workdir, 4)))

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
    config = _tiny(self.images, num_steps=8)
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
    self.assertEqual(_position(workdir, 6), {"global_next_index": 32})
    rates = [
      each["learning_rate/generator"]
      for each in _log(workdir)
      if each["step"] > 4
    ]
    expected = [schedules[1](2), schedules[1](3)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    np.testing.assert_allclose(expected[0], schedules[0](4), rtol=1e-6)
    # It has ended, and the same command says so.
    again = train.train_and_evaluate(config, workdir)
    self.assertEqual(int(again.step), 6)

  def test_stops_when_the_loss_is_not_finite_and_keeps_the_good_state(self):
    workdir = self.folder / "run"
    train.train_and_evaluate(_tiny(self.images, num_steps=2), workdir)
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

    config = _tiny(self.images, num_steps=50)
    config.log_every = 50  # so that only saving checks the numbers
    config.checkpoint_every = 1
    with (
      mock.patch.object(steps, "make_step", make_exploding_step),
      self.assertRaisesRegex(
        errors.InputError, "loss/pixel.* is not finite at step 4"
      ),
    ):
      train.train_and_evaluate(config, workdir)
    self.assertEqual(_checkpoints(workdir), ["2", "3"])
    for leaf in jax.tree.leaves(lookup.load(str(workdir)).variables):
      self.assertTrue(np.isfinite(leaf).all())

  def test_a_signal_cuts_validation_short_and_the_next_start_makes_it_up(self):
    config = _tiny(self.images)
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
        for line in _log(each)
      ]
      for each in (left_alone, workdir)
    ]
    self.assertEqual(*logs)
    for name in ("generator.safetensors", "best_generator.safetensors"):
      self.assertEqual(
        *((each / name).read_bytes() for each in (left_alone, workdir))
      )

  def test_fewer_steps_than_are_done_change_nothing(self):
    workdir = self.folder / "run"
    train.train_and_evaluate(_tiny(self.images), workdir)
    before = {path: path.stat().st_mtime_ns for path in workdir.iterdir()}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(_tiny(self.images, num_steps=2), workdir)
    self.assertEqual(
      output.getvalue(), "already at step 4 of 2: nothing to do\n"
    )
    after = {path: path.stat().st_mtime_ns for path in workdir.iterdir()}
    self.assertEqual(after, before)

  def test_other_images_on_the_way_are_told(self):
    workdir = self.folder / "run"
    train.train_and_evaluate(_tiny(self.images), workdir)
    with self.assertNoLogs("absl", "WARNING"):
      train.train_and_evaluate(_tiny(self.images), workdir)
    (self.images / "0.png").rename(self.images / "9.png")
    with self.assertLogs("absl", "WARNING") as logs:
      train.train_and_evaluate(_tiny(self.images), workdir)
    self.assertIn("images are not those the run began with", logs.output[0])

  def test_losses_are_printed_in_columns(self):
    output = io.StringIO()
    config = _tiny(self.images)
    config.losses.checkerboard_weight = 1.0
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(config, self.folder / "run")
    lines = output.getvalue().splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.endswith("  ETA")]
    names = ["step", "checkerboard", "pixel", "images/s", "waiting", "ETA"]
    self.assertEqual(lines[at].split(), names)
    for line, step in zip(lines[at + 1 : at + 3], ("2/4", "4/4"), strict=True):
      self.assertEqual(line.split()[0], step)
      self.assertLen(line.split(), len(names))
      self.assertLen(line, len(lines[at]))  # aligned
      self.assertLess(len(line), 80)

  def test_the_last_line_names_what_there_is(self):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      train.train_and_evaluate(_tiny(self.images), self.folder / "run")
    last = output.getvalue().splitlines()[-1]
    for name in (str(self.folder / "run"), "generator.safetensors"):
      self.assertIn(name, last)

  def test_refuses_checkpoints_of_another_config_though_config_is_lost(self):
    workdir = self.folder / "run"
    train.train_and_evaluate(_tiny(self.images), workdir)
    (workdir / "config.json").unlink()
    config = _tiny(self.images, num_steps=6)
    config.generator.features = 12
    with self.assertRaisesRegex(
      errors.InputError, "generator.features was 8 and is now 12"
    ):
      train.train_and_evaluate(config, workdir)
    self.assertFalse((workdir / "config.json").exists())
    state = train.train_and_evaluate(_tiny(self.images, 6), workdir)
    self.assertEqual(int(state.step), 6)

  @parameterized.parameters("cut", "empty files", "no state", "no files")
  def test_goes_on_from_the_checkpoint_before_a_damaged_one(self, how):
    workdir = self.folder / "run"
    expected = train.train_and_evaluate(_tiny(self.images), workdir)
    runs.damage(workdir / "checkpoints" / "4", how)
    with self.assertLogs("absl", "WARNING") as logs:
      state = train.train_and_evaluate(_tiny(self.images), workdir)
    self.assertRegex(
      "".join(logs.output),
      "checkpoint 4 in .* is damaged .* goes on from step 2, .*/damaged_check",
    )
    jax.tree.map(np.testing.assert_array_equal, state, expected)
    self.assertEqual(_checkpoints(workdir), ["2", "4"])
    damaged = workdir / "damaged_checkpoints"
    self.assertEqual([path.name for path in damaged.iterdir()], ["4"])

  @parameterized.parameters("cut", "empty files")
  def test_without_a_whole_checkpoint_nothing_is_moved(self, how):
    workdir = self.folder / "run"
    train.train_and_evaluate(_tiny(self.images), workdir)
    for step in ("2", "4"):
      runs.damage(workdir / "checkpoints" / step, how)
    with self.assertRaisesRegex(
      errors.InputError, "checkpoint 4 in .* is damaged .*no other is whole"
    ):
      train.train_and_evaluate(_tiny(self.images), workdir)
    self.assertEqual(_checkpoints(workdir), ["2", "4"])
    self.assertFalse((workdir / "damaged_checkpoints").exists())

  @parameterized.parameters(
    ("batch_size", 6, "config.batch_size is 6.*devices, 4"),
    ("crop_size", 18, "config.crop_size is 18.* scale 4"),
    ("num_steps", 0, "config.num_steps is 0"),
    ("log_every", 0, "config.log_every is 0"),
    ("ema_decay", 1.5, "config.ema_decay is 1.5"),
  )
  def test_refuses_numbers_that_do_not_fit(self, name, value, message):
    config = _tiny(self.images)
    config[name] = value
    with self.assertRaisesRegex(errors.InputError, message):
      train.train_and_evaluate(config, self.folder / "run")
    self.assertFalse((self.folder / "run").exists())

  @parameterized.parameters(
    ("losses.pixel", "l2", 'losses.pixel is "l2"'),
    ("discriminator_optimizer.kind", "sgd", "discriminator_optimizer.kind is"),
    ("data.crop", "middle", 'data.crop is "middle": expected "random" or'),
    ("update_first", "both", 'update_first is "both"'),
    ("degradation.kind", "foto", 'degradation.kind is "foto"'),
    ("init_from", "runs/nowhere", "runs/nowhere"),
    # Seen only while the step is traced.
    ("freeze_batch_norm", True, "config.generator has no BatchNorm: set"),
    ("losses.ms_ssim_weight", 1.0, "MS-SSIM needs crops of 11 px"),
  )
  def test_refuses_mistakes_before_it_looks_at_images(
    self, field, value, sentence
  ):
    config = _tiny(self.images)
    config.crop_size = 8
    config.update_from_flattened_dict({field: value})
    with (
      mock.patch.object(training_images, "find") as find,
      self.assertRaisesRegex(errors.InputError, sentence),
    ):
      train.train_and_evaluate(config, self.folder / "run")
    find.assert_not_called()
    self.assertFalse((self.folder / "run").exists())

  def test_refuses_a_share_of_no_teacher(self):
    config = _tiny(self.images)
    config.teacher_share = 0.5
    with self.assertRaisesRegex(
      errors.InputError, "teacher_share is 0.5, and there is no teacher: name"
    ):
      train.train_and_evaluate(config, self.folder / "run")

  def test_refuses_two_teachers(self):
    (self.folder / "lr").mkdir()
    for path in self.images.iterdir():
      with Image.open(path) as image:
        image.reduce(4).save(self.folder / "lr" / path.name)
    hr = self.images
    config = _tiny(f"hr={hr},lr={self.folder / 'lr'},teacher={hr}")
    config.teacher = "srfeat-lite"
    with self.assertRaisesRegex(
      errors.InputError, "config.teacher is srfeat-lite, and .* of its own: set"
    ):
      train.train_and_evaluate(config, self.folder / "run")

  def test_folder_prepared_set_and_on_device_give_the_same_losses(self):
    prepared = self.folder / "set"
    sets.prepare(
      planning.Request(
        folders=[str(self.images)],
        output=str(prepared),
        preset="folder",
        recipe=recipes.Whole(1),
        processes=1,
      )
    )
    ends, losses = [], []
    # As if four devices had too little memory for a copy each.
    little = device_memory.Room(4, 40_000, "CPU")
    with mock.patch.object(device_memory, "room", lambda mesh: little):
      for name, train_on, on_device in (
        ("folder", self.images, False),
        ("prepared", prepared, False),
        ("folder on device", self.images, True),
        ("prepared on device", prepared, True),
        ("folder on device", self.images, True),  # resumed
      ):
        config = _tiny(train_on)
        config.log_every = 1
        config.data.on_device = on_device
        workdir = self.folder / name
        shutil.rmtree(workdir / "checkpoints" / "4", ignore_errors=True)
        ends.append(train.train_and_evaluate(config, workdir))
        losses.append([line["loss/pixel"] for line in _log(workdir)])
    self.assertLen(losses[0], 4)
    for end, each in zip(ends, losses, strict=True):
      self.assertEqual(each, losses[0])
      jax.tree.map(np.testing.assert_array_equal, end, ends[0])

  @parameterized.parameters(False, True)
  def test_traces_its_step_once(self, on_device):
    config = _tiny(self.images, 2)
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
      config = _tiny(self.images)
      config.generator.dtype = dtype
      train.train_and_evaluate(config, self.folder / dtype)
      losses.append(_log(self.folder / dtype)[-1]["loss/pixel"])
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


class AdversarialTest(absltest.TestCase):
  """A whole run with both discriminators and VGG-19, of random weights."""

  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.create_tempdir())
    self.images = runs.make_images(self.folder / "images")
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

    log = _log(straight)
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
    self.assertEqual(_checkpoints(straight), ["2", "4"])
    self.assertLen(list(straight.glob("plugins/profile/*/*.xplane.pb")), 1)
    # Before the first step, in the middle, at the end; and the same afterwards.
    outputs = _files(straight / "snapshots")
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
    self.assertEqual(_files(resumed / "snapshots"), outputs)

    config.init_from = str(self.folder / "start.safetensors")
    with self.assertRaisesRegex(
      errors.InputError, "config.init_from is .*, which does not exist"
    ):
      train.train_and_evaluate(config, self.folder / "new")
    self.assertFalse((self.folder / "new").exists())


if __name__ == "__main__":
  absltest.main()
