"""What whole runs are made of: images, settings that fit, one inspection."""

import contextlib
import io
import shutil
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors, train
from srfeat_jax.batches import device_memory, training_images
from srfeat_jax.data import inspection
from srfeat_jax.preparation import planning, recipes, sets
from tests.support import small_runs


class PartsTest(small_runs.RunTestCase):
  def test_a_degradation_of_no_image_is_told(self):
    config = small_runs.config(f"hr={self.images},lr={self.images}")
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
    config = small_runs.config(self.images, num_steps=2)
    config.generator.scale = 1
    with self.assertLogs(level="WARNING") as logs:
      train.train_and_evaluate(config, self.folder / "run")
    self.assertIn("LR is HR itself", "\n".join(logs.output))

  def test_inspects_its_images_once(self):
    workdir = self.folder / "run"
    with mock.patch.object(
      inspection, "inspect", wraps=inspection.inspect
    ) as inspect:
      train.train_and_evaluate(
        small_runs.config(self.images, num_steps=1), workdir
      )
      self.assertEqual(inspect.call_count, 1)
      train.train_and_evaluate(
        small_runs.config(self.images, num_steps=2), workdir
      )
      self.assertEqual(inspect.call_count, 1)  # not again on resuming

  @parameterized.parameters(
    ("batch_size", 6, "config.batch_size is 6.*devices, 4"),
    ("crop_size", 18, "config.crop_size is 18.* scale 4"),
    ("num_steps", 0, "config.num_steps is 0"),
    ("log_every", 0, "config.log_every is 0"),
    ("ema_decay", 1.5, "config.ema_decay is 1.5"),
  )
  def test_refuses_numbers_that_do_not_fit(self, name, value, message):
    config = small_runs.config(self.images)
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
    config = small_runs.config(self.images)
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
    config = small_runs.config(self.images)
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
    config = small_runs.config(f"hr={hr},lr={self.folder / 'lr'},teacher={hr}")
    config.teacher = "srfeat-lite"
    with self.assertRaisesRegex(
      errors.InputError, "config.teacher is srfeat-lite, and .* of its own: set"
    ):
      train.train_and_evaluate(config, self.folder / "run")

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
    config = small_runs.config(train_on.format(images=self.images))
    config.generator.scale = 2
    with contextlib.redirect_stdout(io.StringIO()) as output:
      whole = train.train_and_evaluate(config, self.folder / "whole")
    self.assertRegex(
      output.getvalue(),
      r"6 pairs of HR and LR: LR is not MATLAB's bicubic of HR \(2\d\.\d dB",
    )
    other = small_runs.config(self.images)
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
        config = small_runs.config(train_on)
        config.log_every = 1
        config.data.on_device = on_device
        workdir = self.folder / name
        shutil.rmtree(workdir / "checkpoints" / "4", ignore_errors=True)
        ends.append(train.train_and_evaluate(config, workdir))
        losses.append([line["loss/pixel"] for line in small_runs.log(workdir)])
    self.assertLen(losses[0], 4)
    for end, each in zip(ends, losses, strict=True):
      self.assertEqual(each, losses[0])
      jax.tree.map(np.testing.assert_array_equal, end, ends[0])


if __name__ == "__main__":
  absltest.main()
