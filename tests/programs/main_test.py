"""Flags of the program main, as a person gives them."""

import os
import subprocess
import sys

from absl.testing import absltest, parameterized

from tests.support import image_files, paths


class CommandLineTest(image_files.FolderTestCase):
  def fails(
    self,
    *arguments: str,
    program="srfeat_jax.main",
    cwd=paths.REPOSITORY,
    env=os.environ,
  ) -> str:
    """The one sentence that the program ends with."""
    if program == "srfeat_jax.main":
      arguments = (f"--workdir={self.folder / 'run'}", *arguments)
    result = subprocess.run(
      [sys.executable, "-m", program, *arguments],
      cwd=cwd,
      env=env,
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.returncode, 1, result.stderr)
    self.assertEqual(result.stdout, "")
    self.assertLen(result.stderr.splitlines(), 1, result.stderr)
    self.assertStartsWith(result.stderr, "error: ")
    self.assertNotIn("Traceback", result.stderr)
    self.assertFalse((self.folder / "run").exists())
    return result.stderr

  @parameterized.parameters(
    ("num_stepz=3", "num_stepz", "num_steps"),
    ("data.trian=x", "trian", "train"),
    ("generator.feature=3", "feature", "features"),
    ("genrator.features=8", "genrator", "generator"),
    ("dat.train=x", "dat", "data"),
    ("batch-size=4", "batch-size", "batch_size"),
  )
  def test_misspelled_field(self, override, wrong, right):
    sentence = self.fails(
      "--config=configs/pretrain.py", f"--config.{override}"
    )
    self.assertIn(f'Did you mean "{right}" instead of "{wrong}"', sentence)

  def test_a_field_unlike_all_others(self):
    for wrong, expected in (
      ("lr=1e-3", "config has no field lr. Did you mean config.learning_rate."),
      ("zzz=1", "config has no field zzz: it has accumulation_steps, allow"),
    ):
      sentence = self.fails("--config=configs/gan.py", f"--config.{wrong}")
      self.assertIn(expected, sentence)

  def test_numbers_and_lists_as_people_write_them(self):
    sentence = self.fails(
      "--config=configs/pretrain.py",
      *("--config.num_steps=1e4", "--config.data.sets=Set5,Set14"),
      "--config.batch_size=8",
      "--config.data.benchmarks=/no/such/folder",
    )
    self.assertIn("/no/such/folder", sentence)

  def test_a_field_by_its_old_name(self):
    sentence = self.fails(
      "--config=configs/pretrain.py", "--config.losses.pattern_weight=300"
    )
    self.assertIn(
      "config.losses.pattern_weight is now called"
      " config.losses.checkerboard_weight",
      sentence,
    )

  @parameterized.parameters(
    ("num_steps.foo=3", "config.num_steps is 259160, which has no fields"),
    ("data.train.foo=3", "config.data.train is 'synthetic', which has no f"),
    ("learning_rate.factors[2]=3", "(0.1, 0.1), which has no element 2"),
  )
  def test_a_field_of_what_has_none(self, override, expected):
    sentence = self.fails(
      "--config=configs/pretrain.py", f"--config.{override}"
    )
    self.assertIn(expected, sentence)

  def test_another_folder(self):
    sentence = self.fails("--config=configs/pretrain.py:nope", cwd=self.folder)
    self.assertIn('no variant "nope"', sentence)

  def test_a_config_outside_the_repository(self):
    config = self.file(
      "mine.py",
      b"from srfeat_jax.configs import pretrain\n"
      b"def get_config():\n"
      b"  config = pretrain.get_config('srfeat_lite')\n"
      b"  config.batch_size = -3\n"
      b"  return config\n",
    )
    sentence = self.fails(f"--config={config}", cwd=self.folder)
    self.assertIn("config.batch_size is -3", sentence)

  @parameterized.parameters(
    ((), "--config"),
    (("--config=nope.py",), "nope.py"),
  )
  def test_benchmark(self, arguments, expected):
    self.assertIn(
      expected, self.fails(*arguments, program="benchmarks.full_size")
    )

  def test_a_change_that_no_run_can_make(self):
    sentence = self.fails(
      "--config=configs/quickstart.py", "--allow_change=batch_size,crop_size"
    )
    self.assertIn(
      "--allow_change=batch_size,crop_size: crop_size cannot change", sentence
    )

  def test_layers_by_flag(self):
    sentence = self.fails(
      "--config=configs/gan.py:srfeat_lite",
      "--config.losses.perceptual_layers={'relu2_2': 0.5, 'relu9_9': 1.0}",
      "--config.init_from=x",
    )
    self.assertIn('perceptual_layers: VGG-19 has no layer "relu9_9"', sentence)

  def test_value_of_another_type(self):
    sentence = self.fails(
      "--config=configs/pretrain.py", "--config.num_steps=many"
    )
    self.assertIn("--config.num_steps=many", sentence)

  def test_unknown_variant(self):
    sentence = self.fails("--config=configs/pretrain.py:nope")
    self.assertIn('no variant "nope": expected one of srfeat,', sentence)

  @parameterized.parameters((), ("--config.num_steps=3",))
  def test_missing_file(self, *override):
    sentence = self.fails("--config=configs/nope.py", *override)
    self.assertIn("configs/nope.py", sentence)

  @parameterized.parameters(
    (
      ("--multihost", "--process_id=0"),
      "--multihost and --process_id do not go together",
    ),
    (
      ("--process_id=0", "--num_processes=2"),
      "--num_processes and --process_id without --coordinator_address: give",
    ),
    (("--join_timeout=9",), "--join_timeout is of processes that train toget"),
    (("--join_timeout=0", "--multihost"), "--join_timeout=0"),
    (
      (
        *("--process_id=2", "--num_processes=2"),
        "--coordinator_address=localhost:1",
      ),
      "--process_id=2 with --num_processes=2",
    ),
  )
  def test_flags_of_processes_go_together(self, arguments, expected):
    sentence = self.fails("--config=configs/quickstart.py", *arguments)
    self.assertIn(expected, sentence)

  def test_no_config(self):
    self.assertIn("--config", self.fails())

  def test_a_word_that_is_no_flag(self):
    sentence = self.fails("--config=configs/quickstart.py", "num_steps=3")
    self.assertIn('"num_steps=3" is not a flag', sentence)


if __name__ == "__main__":
  absltest.main()
