"""The configs as they are shipped, and mistakes when they are asked for."""

import math
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_collections
from absl.testing import absltest, parameterized

from configs import common, gan, pretrain, quickstart, shipped
from srfeat_jax import errors, models
from srfeat_jax.training import degrade, losses, optimizers, steps
from tests.support import image_files, paths

VARIANTS = (
  "srfeat",
  "srfeat_nobn",
  "srfeat_lite",
  "srresnet",
  "msrresnet",
  "esrgan",
)
GAN_VARIANTS = (
  "srfeat",
  "srfeat_nobn",
  "srfeat_official",
  "srgan_mse",
  "srgan_vgg22",
  "srgan_vgg54",
  "srgan_mirflickr",
  "esrgan",
  "srfeat_lite",
  "srgan_lite",
  "esrgan_lite",
)
SHIPPED_VARIANTS = ("srfeat_lite", "srfeat_lite_more", "srfeat_lite_gan")
CONFIGS = {name: pretrain.get_config(name) for name in VARIANTS}
CONFIGS |= {f"gan_{name}": gan.get_config(name) for name in GAN_VARIANTS}
CONFIGS |= {f"shipped_{x}": shipped.get_config(x) for x in SHIPPED_VARIANTS}
CONFIGS["quickstart"] = quickstart.get_config()
# Overridden by name all over the documents.
FIELDS = (
  "num_steps",
  "batch_size",
  "crop_size",
  "data.train",
  "data.benchmarks",
  "log_every",
  "eval_every",
  "checkpoint_every",
  "generator.features",
  "generator.num_blocks",
  "seed",
  "init_from",
)


class ConfigsTest(parameterized.TestCase):
  def test_every_file_is_tested(self):
    files = {path.stem for path in (paths.REPOSITORY / "configs").glob("*.py")}
    self.assertEqual(
      files, {"common", "gan", "pretrain", "quickstart", "shipped"}
    )

  @parameterized.parameters(*CONFIGS)
  def test_fields(self, name):
    config = ml_collections.ConfigDict(CONFIGS[name])
    config.lock()
    for field in FIELDS:
      *folders, last = field.split(".")
      owner = config
      for folder in folders:
        owner = owner[folder]
      with self.subTest(field):
        self.assertIn(last, owner)
    with self.assertRaisesRegex(AttributeError, "Did you mean"):
      config.num_stepz = 1

  @parameterized.parameters(*CONFIGS)
  def test_same_fields_as_all_others(self, name):
    expected = common.get_config()
    for part in (None, "data", "losses", "optimizer"):
      ours = CONFIGS[name][part] if part else CONFIGS[name]
      theirs = expected[part] if part else expected
      self.assertEqual(set(ours), set(theirs))

  @parameterized.parameters(*CONFIGS)
  def test_parts_can_be_made(self, name):
    config = CONFIGS[name]
    generator = models.build(config.generator)
    degrade.check_crop_size(config.crop_size, generator.scale)
    schedule = optimizers.learning_rate(config.learning_rate, config.num_steps)
    optimizer = optimizers.adam(config.optimizer, schedule)
    steps.make_step(
      config,
      steps.Networks(generator, None, {}, {}),
      steps.Optimizers(optimizer, schedule, optimizer, schedule),
    )
    x = jnp.zeros((1, 2, 2, 3))
    self.assertEqual(losses.pixel(x, x, config.losses.pixel), 0)
    self.assertGreater(config.checkpoint_every, 0)

  @parameterized.parameters(
    ("srfeat", 6_187_907),
    ("srfeat_nobn", 6_185_731),
    ("srresnet", 1_547_350),
    ("msrresnet", 1_517_571),
    ("esrgan", 16_697_987),
  )
  def test_parameters(self, name, expected):
    generator = models.build(CONFIGS[name].generator)
    lr = jax.ShapeDtypeStruct((1, 8, 8, 3), "float32")
    variables = jax.eval_shape(generator.init, jax.random.key(0), lr)
    count = sum(
      math.prod(x.shape) for x in jax.tree.leaves(variables["params"])
    )
    self.assertEqual(count, expected)

  def test_documented_run(self):
    for name in ("srfeat", "srfeat_nobn"):
      config = CONFIGS[name]
      self.assertEqual(config.num_steps, 20 * 12_958)
      self.assertEqual(config.batch_size, 9)
      self.assertEqual(config.crop_size, 296)
      self.assertEqual(config.data.crop, "center")
      self.assertFalse(config.data.augment)
      self.assertEqual(config.losses.pixel, "mse")
      self.assertEqual(config.generator.batch_norm, name == "srfeat")

  def test_unset_fields_are_the_module_s(self):
    # A config shows every choice that its module leaves open.
    for name in VARIANTS:
      generator = models.build(CONFIGS[name].generator)
      fields = set(generator.__dataclass_fields__) - {"parent", "name"}
      self.assertEqual(set(CONFIGS[name].generator), fields | {"architecture"})

  def test_unknown_variant(self):
    with self.assertRaisesRegex(errors.InputError, '"nope": .*srfeat_nobn'):
      pretrain.get_config("nope")


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
  )
  def test_misspelt_field(self, override, wrong, right):
    sentence = self.fails(
      "--config=configs/pretrain.py", f"--config.{override}"
    )
    self.assertIn(f'Did you mean "{right}" instead of "{wrong}"', sentence)

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
    config = paths.REPOSITORY / "configs" / "pretrain.py"
    environment = os.environ | {"PYTHONPATH": str(self.folder / "path")}
    (self.folder / "path").mkdir()
    (self.folder / "path" / "srfeat_jax").symlink_to(
      paths.REPOSITORY / "srfeat_jax"
    )
    sentence = self.fails(
      f"--config={config}", cwd=self.folder, env=environment
    )
    self.assertIn("run from the folder that holds configs", sentence)

  @parameterized.parameters(
    ((), "--config"),
    (("--config=nope.py",), "nope.py"),
  )
  def test_benchmark(self, arguments, expected):
    self.assertIn(
      expected, self.fails(*arguments, program="benchmarks.full_size")
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
    self.assertIn('no variant "nope": choose srfeat,', sentence)

  @parameterized.parameters((), ("--config.num_steps=3",))
  def test_missing_file(self, *override):
    sentence = self.fails("--config=configs/nope.py", *override)
    self.assertIn("configs/nope.py", sentence)

  def test_no_config(self):
    self.assertIn("--config", self.fails())

  def test_a_word_that_is_no_flag(self):
    sentence = self.fails("--config=configs/quickstart.py", "num_steps=3")
    self.assertIn('"num_steps=3" is not a flag', sentence)


if __name__ == "__main__":
  absltest.main()
