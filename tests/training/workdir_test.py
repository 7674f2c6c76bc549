"""A run's folder: what is kept in it, and which config may resume there."""

import json
from importlib import metadata

import jax
from absl.testing import absltest, parameterized

from srfeat_jax import errors, places
from srfeat_jax.configs import pretrain
from srfeat_jax.training import workdir
from tests.support import disk, image_files, object_store


class PrepareTest(image_files.FolderTestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.workdir = self.folder / "runs" / "one"
    self.config = pretrain.get_config("srfeat").to_dict()

  def prepare(self, allow_change=(), step=0):
    workdir.check(self.workdir, self.config, allow_change)
    with workdir.hold(self.workdir):
      workdir.record(self.workdir, self.config, step)

  def read(self, name: str) -> dict:
    return json.loads((self.workdir / name).read_text())

  def test_what_is_written(self):
    self.prepare()
    # JSON knows no tuples.
    expected = json.loads(json.dumps(self.config))
    self.assertEqual(self.read("config.json"), expected)
    self.assertEqual(workdir.read_config(self.workdir), expected)
    environment = self.read("environment.json")
    self.assertEqual(environment["packages"]["jax"], jax.__version__)
    self.assertEqual(
      environment["packages"]["grain"], metadata.version("grain")
    )
    self.assertLen(environment["devices"], jax.device_count())
    self.assertRegex(environment["git_revision"], "^[0-9a-f]{40}(-dirty)?$")
    self.assertCountEqual(
      [path.name for path in self.workdir.iterdir()],
      ["config.json", "environment.json", ".lock"],
    )

  def test_same_config_goes_on(self):
    self.prepare()
    with self.assertNoLogs("absl", "WARNING"):
      self.prepare()

  def test_checking_writes_nothing(self):
    workdir.check(self.workdir, self.config)
    self.assertFalse(self.workdir.exists())

  def test_an_address(self):
    self.enterContext(object_store.running())
    self.workdir = places.path(f"{object_store.ADDRESS}/run")
    self.prepare()
    self.config["num_steps"] = 7
    self.prepare(step=3)
    self.assertEqual(self.read("config.json")["num_steps"], 7)
    self.assertLen(workdir.read_changes(self.workdir), 1)
    self.assertCountEqual(
      [path.name for path in self.workdir.iterdir()],
      ["config.json", "environment.json", "config_changes.json"],
    )
    self.config["crop_size"] = 8
    with self.assertRaisesRegex(errors.InputError, "crop_size was 296 and is"):
      self.prepare()
    self.workdir = places.path("gs://other/run")
    with self.assertRaisesRegex(
      errors.InputError, "other/run .*there is no bucket other.: name a bucket"
    ):
      self.prepare()

  def test_an_address_of_another_kind(self):
    with self.assertRaisesRegex(errors.InputError, "expected gs://BUCKET/"):
      workdir.check("s3://bucket/run", self.config)

  def test_held_by_one_at_a_time(self):
    with workdir.hold(self.workdir):
      with self.assertRaisesRegex(
        errors.InputError, f"another process trains in {self.workdir}"
      ):
        self.prepare()
      self.assertFalse((self.workdir / "config.json").exists())
    self.prepare()

  def test_another_config_is_refused_with_both_values(self):
    self.prepare()
    self.config["batch_size"] = 7
    self.config["generator"]["features"] = 64
    self.config["learning_rate"]["factors"] = (0.5, 0.1)
    self.config["log_every"] = 1
    with self.assertRaises(errors.InputError) as caught:
      self.prepare()
    sentence = str(caught.exception)
    for part in (
      "config.batch_size was 9 and is now 7",
      "config.generator.features was 128 and is now 64",
      "config.learning_rate.factors was [0.1, 0.1] and is now [0.5, 0.1]",
      "choose a new --workdir",
    ):
      self.assertIn(part, sentence)
    self.assertNotIn("log_every", sentence)
    # Its weights do not fit, and the number of features cannot change.
    self.assertNotIn("init_from", sentence)
    self.assertNotIn("allow_change", sentence)
    self.assertEqual(self.read("config.json")["batch_size"], 9)

  def test_added_and_removed_fields_are_named(self):
    self.prepare()
    del self.config["seed"]
    self.config["extra"] = 3
    with self.assertRaisesRegex(
      errors.InputError, "extra was None and is now 3; config.seed was 0 and"
    ):
      self.prepare()

  def test_free_fields_may_change(self):
    self.prepare()
    self.config |= {"num_steps": 3, "eval_every": 1, "keep_checkpoints": 9}
    self.config["data"] |= {"num_workers": 2, "sets": ("Set5",)}
    with self.assertLogs("absl", "WARNING") as log:
      self.prepare()
    self.assertLen(log.output, 5)
    self.assertIn("config.num_steps was 259160 and is now 3", log.output[-1])
    self.assertEqual(self.read("config.json")["num_steps"], 3)

  @parameterized.parameters(
    ({"batch_size": 7}, "--allow_change=batch_size;", True),
    (
      {"learning_rate.peak": 1e-5, "batch_size": 7},
      "--allow_change=batch_size,learning_rate;",
      True,
    ),
    ({"batch_size": 7, "seed": 1}, None, True),
    ({"generator.dtype": "bfloat16"}, None, True),
    ({"generator.tanh": True}, None, False),
    ({"generator.features": 3, "batch_size": 7}, None, False),
    ({"generator.num_blocks": 3, "batch_size": 7}, None, True),
    ({"generator.scale": 2}, None, True),
    ({"crop_size": 64}, None, True),
  )
  def test_advice_that_can_be_taken(self, changes, allow, init_from):
    self.prepare()
    config = pretrain.get_config("srfeat")
    config.update_from_flattened_dict(changes)
    self.config = config.to_dict()
    with self.assertRaises(errors.InputError) as caught:
      self.prepare()
    sentence = str(caught.exception)
    self.assertIn("choose a new --workdir", sentence)
    self.assertEqual(allow is not None, "allow_change" in sentence)
    self.assertIn(allow or "", sentence)
    advice = f"config.init_from={self.workdir}"
    self.assertEqual(init_from, advice in sentence, sentence)
    if allow:  # a choice, not steps to take one after the other
      self.assertIn("; or choose a new --workdir", sentence)

  def test_earlier_versions_counted_steps_alone(self):
    self.assertFalse(workdir.counts_steps(self.workdir))
    self.prepare()
    self.assertFalse(workdir.counts_steps(self.workdir))
    self.config["schedule_in"] = "steps"
    self.prepare()
    self.assertTrue(workdir.counts_steps(self.workdir))
    earlier = self.read("config.json")
    del earlier["schedule_in"], earlier["learning_rate_rule"]
    (self.workdir / "config.json").write_text(json.dumps(earlier))
    self.assertTrue(workdir.counts_steps(self.workdir))
    # So it resumes, without a word.
    self.assertEqual(workdir.differences(earlier, self.config), ([], []))

  def test_changes_that_are_asked_for(self):
    self.prepare()
    self.config["batch_size"] = 7
    self.config["learning_rate"]["peak"] = 1e-5
    with self.assertRaisesRegex(
      errors.InputError, "config: config.learning_rate.peak was 0.0001 and is"
    ):
      self.prepare(["batch_size"])
    self.assertEqual(workdir.read_changes(self.workdir), [])
    allowed = ["learning_rate", "batch_size"]
    with self.assertLogs("absl", "WARNING") as log:
      self.prepare(allowed, step=30)
    self.assertIn("config.batch_size was 9 and is now 7", log.output[0])
    self.assertEqual(self.read("config.json")["batch_size"], 7)
    # From now on they are the run's.
    with self.assertNoLogs("absl", "WARNING"):
      self.prepare()
    self.config["num_steps"] = 50
    self.prepare(allowed, step=40)
    self.assertEqual(
      self.read("config_changes.json"),
      [
        {
          "step": 30,
          "changes": {
            "batch_size": {"was": 9, "is": 7},
            "learning_rate.peak": {"was": 1e-4, "is": 1e-5},
          },
        },
        {"step": 40, "changes": {"num_steps": {"was": 259_160, "is": 50}}},
      ],
    )

  def test_another_schedule_is_a_change_of_the_learning_rate(self):
    self.prepare()
    other = pretrain.get_config("srfeat_nobn").learning_rate.to_dict()
    self.config["learning_rate"] = other
    with self.assertRaisesRegex(errors.InputError, "change=learning_rate;"):
      self.prepare()
    self.prepare(["learning_rate"])
    (entry,) = workdir.read_changes(self.workdir)
    self.assertEqual(
      entry["changes"]["learning_rate.factors"],
      {"was": [0.1, 0.1], "is": []},
    )

  def test_not_more_than_what_is_asked_for(self):
    self.prepare()
    self.config["batch_size"] = 7
    self.config["discriminator_learning_rate"]["peak"] = 1e-5
    self.config["generator"]["features"] = 64
    with self.assertRaises(errors.InputError) as caught:
      self.prepare(["batch_size", "learning_rate"])
    self.assertNotIn("config.batch_size", str(caught.exception))
    self.assertIn("config.discriminator_learning_rate", str(caught.exception))
    self.assertIn("config.generator.features was", str(caught.exception))
    self.assertEqual(self.read("config.json")["batch_size"], 9)

  @parameterized.parameters(
    "crop_size", "generator", "learning_rate.peak", "config.batch_size", ""
  )
  def test_fields_that_cannot_change(self, field):
    with self.assertRaisesRegex(
      errors.InputError,
      f"--allow_change=batch_size,{field}: {field} cannot change in a run; exp"
      "ected any of batch_size, learning_rate, discriminator_learning_rate",
    ):
      workdir.check(self.workdir, self.config, ["batch_size", field])

  @parameterized.parameters(
    "", "[3]", "{", '[{"step": 3}]', '[{"step": "a"}]', "7"
  )
  def test_damaged_record(self, text):
    self.prepare()
    (self.workdir / "config_changes.json").write_text(text)
    with self.assertRaisesRegex(
      errors.InputError, "config_changes.json is not a record .*delete it"
    ):
      workdir.read_changes(self.workdir)

  def test_goes_on_from_a_config_with_an_old_name(self):
    self.prepare()
    old = self.read("config.json")
    old["losses"]["pattern_weight"] = old["losses"].pop("checkerboard_weight")
    (self.workdir / "config.json").write_text(json.dumps(old))
    with self.assertLogs("absl", "WARNING") as log:
      self.prepare()
    self.assertLen(log.output, 1)
    self.assertIn("is now called config.losses.checkerboard_w", log.output[0])
    # The values still count.
    self.assertIn("checkerboard_weight", self.read("config.json")["losses"])
    old["losses"]["pattern_weight"] = 300.0
    (self.workdir / "config.json").write_text(json.dumps(old))
    with self.assertRaisesRegex(
      errors.InputError, "losses.checkerboard_weight was 300.0 and is now 0.0"
    ):
      self.prepare()

  @parameterized.parameters("", '{"gener', "[]", "{}", '{"generator": 3}', "\0")
  def test_damaged_config(self, text):
    self.prepare()
    (self.workdir / "config.json").write_text(text)
    with self.assertRaisesRegex(errors.InputError, r"config\.json is not the"):
      self.prepare()

  def test_no_right_to_write(self):
    parent = self.folder / "runs"
    parent.mkdir()
    with (
      image_files.without_rights(parent),
      self.assertRaisesRegex(
        errors.InputError, f"{self.workdir} cannot be written .Permission"
      ),
    ):
      self.prepare()

  def test_no_right_to_read(self):
    self.prepare()
    with (
      image_files.without_rights(self.workdir),
      self.assertRaisesRegex(errors.InputError, r"config\.json.*Permission"),
    ):
      self.prepare()

  def test_no_right_to_enter(self):
    self.prepare()
    self.workdir.parent.chmod(0)
    other = self.file("other/file").parent
    with (
      image_files.without_rights(other),
      self.assertRaisesRegex(errors.InputError, f"{self.workdir}.*Permission"),
    ):
      self.prepare()

  def test_a_file_in_its_place(self):
    self.file("runs/one", b"")
    with self.assertRaisesRegex(errors.InputError, f"{self.workdir} cannot be"):
      self.prepare()

  def test_disk_full_keeps_the_old_config(self):
    self.prepare()
    before = self.read("config.json")
    self.config["num_steps"] = 3
    with (
      disk.full(50),
      self.assertRaisesRegex(
        errors.InputError, r"config_changes.json cannot be written"
      ),
    ):
      self.prepare()
    self.assertEqual(self.read("config.json"), before)


if __name__ == "__main__":
  absltest.main()
