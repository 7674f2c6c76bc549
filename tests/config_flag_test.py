"""--config and its fields on a command line, and files of one's own."""

from unittest import mock

from absl import flags
from absl.testing import absltest, parameterized

from srfeat_jax import config_flag, errors
from tests.support import image_files

_MINE = b"""
from srfeat_jax.configs import pretrain
def get_config(kind="lite"):
  config = pretrain.get_config("srfeat_lite")
  config.seed = len(kind)
  return config
"""


class ConfigFlagTest(image_files.FolderTestCase, parameterized.TestCase):
  def split(self, *arguments):
    return config_flag.split(["main", *arguments])

  def test_fields_are_taken_out_and_the_rest_is_left(self):
    config, rest = self.split(
      *("--workdir=x", "--config=configs/pretrain.py:srfeat_lite", "a"),
      *("--config.seed=3", "--config.batch_size", "5", "-config.crop_size=8"),
      *("--noconfig.data.augment", "--config.freeze_batch_norm", "b"),
      *("--", "--config.seed=4"),
    )
    self.assertEqual(
      (config.seed, config.batch_size, config.crop_size), (3, 5, 8)
    )
    self.assertFalse(config.data.augment)
    self.assertTrue(config.freeze_batch_norm)
    self.assertTrue(config.is_locked)
    self.assertEqual(
      rest,
      [
        *("main", "--workdir=x", "--config=configs/pretrain.py:srfeat_lite"),
        *("a", "b", "--", "--config.seed=4"),
      ],
    )

  def test_once_more_with_other_defaults(self):
    path = "configs/pretrain.py:srfeat"
    arguments = [f"--config={path}", "--config.batch_size=64"]
    with mock.patch.object(flags, "FLAGS", flags.FlagValues()) as values:
      flags.DEFINE_string("config", None, "", flag_values=values)
      config_flag.parse(["main", *arguments])
      self.assertEqual(values["config"].value.num_steps, 36_444)
      config = config_flag.again("--config.schedule_in=steps")
      self.assertEqual((config.num_steps, config.batch_size), (259_160, 64))
      config_flag.parse(["main", *arguments, "--config.schedule_in=images"])
      config = config_flag.again("--config.schedule_in=steps")
      self.assertEqual(config.num_steps, 36_444)

  def test_fields_may_stand_before_the_config(self):
    config, _ = self.split(
      "--config.seed=3", "--config", "configs/quickstart.py"
    )
    self.assertEqual(config.seed, 3)

  def test_no_config(self):
    self.assertEqual(self.split("a"), (None, ["main", "a"]))
    with self.assertRaisesRegex(errors.InputError, "give --config=FILE, too"):
      self.split("--config.seed=3")

  @parameterized.parameters(
    (("--config.seed",), "--config.seed has no value"),
    (("--noconfig.seed",), "only a field that is True or False"),
    (("--noconfig.data.augment=1",), "only a field that is True or False"),
  )
  def test_values_that_are_missing(self, arguments, message):
    with self.assertRaisesRegex(errors.InputError, message):
      self.split("--config=configs/quickstart.py", *arguments)

  def test_a_file_of_ones_own(self):
    path = self.file("mine.py", _MINE)
    self.assertEqual(config_flag.load(str(path)).seed, 4)
    self.assertEqual(config_flag.load(f"{path}:large").seed, 5)

  def test_a_module_next_to_it(self):
    self.file("shapes_of_mine.py", b"SEED = 17")
    path = self.file("mine.py", b"import shapes_of_mine\n" + _MINE + b"  # \n")
    self.assertEqual(config_flag.load(str(path)).seed, 4)

  @parameterized.parameters(
    ("configs/pretrian.py", 'Did you mean "configs/pretrain.py"'),
    ("pretrain.py", 'Did you mean "configs/pretrain.py"'),
    ("", "is not a file that can be read"),
    ("configs", "is not a file that can be read"),
    ("x" * 5000, "is not a file that can be read"),
    ("configs/quickstart.py:large", "has no variants, leave out :large"),
    ("configs/gan.py:srfeet", 'no variant "srfeet": expected one of'),
    ("configs/degradations.py", "has no function get_config"),
  )
  def test_a_wrong_path(self, path, message):
    with self.assertRaises(errors.InputError) as caught:
      config_flag.load(path)
    self.assertIn(message, str(caught.exception))

  @parameterized.parameters(
    (b"def get_config():\n  return {}", "returned dict: expected"),
    (b"x = 3", "has no function get_config"),
    (b"get_config = 3", "has no function get_config"),
    (b"def get_config(variant): pass", "needs a variant"),
    (b"x = \n", "line 1: SyntaxError"),
    (b"import nothing_of_this_name", "line 1: ModuleNotFoundError: No module"),
    (b"def get_config():\n\n  1 / 0", "line 3: ZeroDivisionError"),
    (b"\x89PNG\0\0", "SyntaxError|ValueError"),
  )
  def test_a_file_that_is_no_config(self, content, message):
    path = self.file("mine.py", content)
    with self.assertRaisesRegex(errors.InputError, message):
      config_flag.load(str(path))

  def test_a_file_that_is_not_python(self):
    path = self.file("mine.txt", b"batch_size: 3")
    with self.assertRaisesRegex(errors.InputError, "is not Python code"):
      config_flag.load(str(path))


if __name__ == "__main__":
  absltest.main()
