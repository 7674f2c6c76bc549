"""A generator's weights, from a run's folder or from a file."""

import shutil

import jax
import numpy as np
from absl.testing import absltest, parameterized
from flax import traverse_util

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import safetensors_file, torch_writer
from srfeat_jax.interchange.layouts import basicsr
from srfeat_jax.training import workdir
from srfeat_jax.weights import lookup
from tests.support import image_files, runs, small_weights


class LoadTest(image_files.FolderTestCase):
  @parameterized.product(batch_norm=(True, False), keep_ema=(True, False))
  def test_workdir(self, batch_norm, keep_ema):
    config = small_weights.GENERATOR | {"batch_norm": batch_norm}
    expected = small_weights.save_run(
      self.folder, config, small_weights.initialized(config), keep_ema=keep_ema
    )
    loaded = lookup.load(str(self.folder))
    self.assertEqual(loaded.generator, config)
    self.assertEqual("batch_stats" in loaded.variables, batch_norm)
    small_weights.assert_equal(loaded.variables["params"], expected["params"])
    small_weights.assert_equal(
      loaded.variables.get("batch_stats", {}), expected["batch_stats"]
    )
    for leaf in jax.tree.leaves(loaded.variables):
      self.assertIsInstance(leaf, np.ndarray)
    generator = models.build(loaded.generator)
    again = lookup.load_for(generator, str(self.folder))
    small_weights.assert_equal(again["params"], expected["params"])

  def test_workdir_of_a_run_that_diverged(self):
    variables = small_weights.initialized(small_weights.GENERATOR)
    variables["params"]["head"]["kernel"][0, 0, 0, 0] = np.nan
    small_weights.save_run(
      self.folder, small_weights.GENERATOR, variables, keep_ema=False
    )
    with self.assertRaisesRegex(
      errors.InputError, "holds NaN or infinity in params/head/kernel: "
    ):
      lookup.load(str(self.folder))

  def test_workdir_without_checkpoint(self):
    workdir.record(self.folder, {"generator": small_weights.GENERATOR})
    with self.assertRaisesRegex(errors.InputError, "no complete checkpoint"):
      lookup.load(str(self.folder))
    self.assertLen(list(self.folder.iterdir()), 2)

  def test_checkpoint_of_another_generator(self):
    small_weights.save_run(
      self.folder,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
      keep_ema=False,
    )
    workdir.record(
      self.folder, {"generator": small_weights.GENERATOR | {"features": 8}}
    )
    with self.assertRaisesRegex(
      errors.InputError, "generator.features was 4 and is now 8"
    ):
      lookup.load(str(self.folder))

  @parameterized.parameters("empty files", "no state", "no files")
  def test_damaged_checkpoint(self, damage):
    small_weights.save_run(
      self.folder,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
      keep_ema=False,
    )
    runs.damage(self.folder / "checkpoints" / "5", damage)
    with self.assertRaisesRegex(
      errors.InputError,
      r"checkpoint 5 in .*checkpoints is damaged .*delete that folder to resume"
      " from step 4",
    ):
      lookup.load(str(self.folder))
    shutil.rmtree(self.folder / "checkpoints" / "4")
    with self.assertRaisesRegex(errors.InputError, "damaged .* no other is"):
      lookup.load(str(self.folder))

  def test_folder_that_is_no_workdir(self):
    with self.assertRaisesRegex(
      errors.InputError, f"{self.folder} is not the workdir .* no config.json"
    ):
      lookup.load(str(self.folder))

  @parameterized.parameters("weights.pth", "weights.npz", "weights")
  def test_neither(self, name):
    self.file(name, b"x")
    with self.assertRaisesRegex(
      errors.InputError, f"{name} is not a file of weights .*by its content"
    ):
      lookup.load(str(self.folder / name))

  @parameterized.parameters("x.safetensors", "x.pth")
  def test_file_missing(self, name):
    with self.assertRaisesRegex(errors.InputError, f"no weights file .*{name}"):
      lookup.load(str(self.folder / name))

  def test_nothing_there(self):
    with self.assertRaisesRegex(errors.InputError, "nowhere.* is neither"):
      lookup.load(str(self.folder / "nowhere"))

  @parameterized.parameters(
    *("srfeat_lite", "SRFeat-Lite", "srfeatlite", "srfeat-light", "srfeat"),
    "srfeat_lite.pth",
  )
  def test_a_name_that_is_nearly_right(self, name):
    with self.assertRaisesRegex(
      errors.InputError, r"did you mean srfeat-lite\?$"
    ):
      lookup.load(name)
    with self.assertRaisesRegex(
      errors.InputError, "did you mean srfeat-lite-g"
    ):
      lookup.load("srfeat_lite_gan")
    with self.assertRaises(errors.InputError) as caught:
      lookup.load("runs/x4")
    self.assertNotIn("did you mean", str(caught.exception))

  def test_file_of_another_program(self):
    generator = models.build({"architecture": "msrresnet", "num_blocks": 2})
    config = generator_file.complete(
      {"architecture": "msrresnet", "num_blocks": 2}
    )
    variables = small_weights.initialized(config)
    path = self.folder / "x.pth"
    torch_writer.save(path, "params", basicsr.state_dict(config, variables))
    loaded = lookup.load(str(path))
    self.assertEqual(loaded.generator, config)
    small_weights.assert_equal(lookup.load_for(generator, str(path)), variables)


class LoadForTest(image_files.FolderTestCase):
  def sentence(self, change: dict) -> str:
    """How weights are refused for a generator that differs."""
    path = self.folder / "x.safetensors"
    safetensors_file.save(
      path,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
    )
    with self.assertRaises(errors.InputError) as caught:
      lookup.load_for(models.build(small_weights.GENERATOR | change), str(path))
    self.assertIn(str(path), str(caught.exception))
    return str(caught.exception)

  def test_missing(self):
    sentence = self.sentence({"block_bias": True})
    self.assertIn("missing: params/blocks_0/conv_0/bias, ", sentence)
    self.assertNotIn("unexpected", sentence)
    self.assertNotIn("shape", sentence)

  def test_unexpected(self):
    sentence = self.sentence({"batch_norm": False})
    self.assertIn("unexpected: batch_stats/blocks_0/norm_0/mean, ", sentence)
    self.assertNotIn("missing", sentence)

  @parameterized.parameters(
    ({"scale": 8}, "scale 4 instead of 8; 29 of its 29 arrays are taken;"
     " begun at random: upsample_2"),
    ({"scale": 2}, "scale 4 instead of 2; 27 of its 29 arrays are taken;"
     " left out: upsample_1"),
    ({"scale": 3}, "scale 4 instead of 3; 25 of its 29 arrays are taken; begun"
     " at random: upsample_0; left out: upsample_0 to upsample_1"),
    ({"scale": 1}, "scale 4 instead of 1; 25 of its 29 arrays are taken;"
     " left out: upsample_0 to upsample_1"),
    ({"blur_after_shuffle": True}, "blur_after_shuffle False instead of True;"
     " 29 of its 29 arrays are taken"),
    ({"upsampler": "nearest"}, "upsampler shuffle instead of nearest; 25 of its"
     " 29 arrays are taken; begun at random: upsample_0 to upsample_1; left"
     " out: upsample_0 to upsample_1"),
    ({"upsampler": "direct", "icnr": True}, "upsampler shuffle instead of"
     " direct; 23 of its 29 arrays are taken; begun at random: tail; left out:"
     " tail, upsample_0 to upsample_1"),
    ({"num_blocks": 4}, "num_blocks 2 instead of 4; 29 of its 29 arrays are"
     " taken; begun at random: blocks_2 to blocks_3, skips_1 to skips_2"),
    ({"num_blocks": 1, "scale": 8}, "num_blocks 2 instead of 1, scale 4 instead"
     " of 8; 18 of its 29 arrays are taken; begun at random: upsample_2; left"
     " out: blocks_1, skips_0"),
  )  # fmt: skip
  def test_of_another_scale_number_of_blocks_or_upsampling(
    self, change, sentence
  ):
    path = self.folder / "x.safetensors"
    variables = small_weights.initialized(small_weights.GENERATOR)
    safetensors_file.save(path, small_weights.GENERATOR, variables)
    generator = models.build(small_weights.GENERATOR | change)
    with self.assertLogs(level="WARNING") as logs:
      part = lookup.load_for(generator, str(path))
    (line,) = logs.output
    self.assertEndsWith(line, f"config.init_from={path} has {sentence}")
    shapes, found, theirs = (
      traverse_util.flatten_dict(tree)
      for tree in (models.shapes(generator), variables, part)
    )
    expected = {
      name
      for name, array in found.items()
      if name in shapes and array.shape == shapes[name].shape
    }
    self.assertEqual(theirs.keys(), expected)
    for name, array in theirs.items():
      np.testing.assert_array_equal(array, found[name])

  def test_of_another_shape(self):
    sentence = self.sentence({"features": 6})
    self.assertIn("features is 4 and 6; 28 of another shape: ", sentence)
    self.assertIn(" and 23 more", sentence)
    self.assertIn(
      "batch_stats/blocks_0/norm_0/mean (4,) instead of (6,)", sentence
    )

  @parameterized.parameters(
    ("residual_base", "bilinear", "residual_base is 'none' and 'bilinear'"),
    ("tanh", True, "tanh is False and True"),
    (
      "activation_after_shuffle",
      False,
      "activation_after_shuffle is True and False",
    ),
  )
  def test_same_shapes_of_another_function(self, name, value, expected):
    sentence = self.sentence({name: value})
    self.assertIn(f"config.generator: {expected}; set", sentence)

  def test_another_architecture(self):
    path = self.folder / "x.safetensors"
    safetensors_file.save(
      path,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
    )
    with self.assertRaisesRegex(
      errors.InputError,
      "config.generator: architecture is SRFeat and SRResNet; .*missing",
    ):
      lookup.load_for(models.build({"architecture": "srresnet"}), str(path))

  @parameterized.parameters(
    {"dtype": "bfloat16"}, {"initializer": "uniform"}, {"tanh": False}
  )
  def test_what_does_not_matter(self, **change):
    path = self.folder / "x.safetensors"
    variables = small_weights.initialized(small_weights.GENERATOR)
    safetensors_file.save(path, small_weights.GENERATOR, variables)
    loaded = lookup.load_for(
      models.build(small_weights.GENERATOR | change), str(path)
    )
    small_weights.assert_equal(loaded, variables)

  def test_does_not_exist(self):
    with self.assertRaisesRegex(
      errors.InputError, "config.init_from is nowhere/x, which does not exist"
    ):
      lookup.load_for(models.build(small_weights.GENERATOR), "nowhere/x")

  def test_cannot_be_loaded(self):
    with self.assertRaisesRegex(
      errors.InputError, f"config.init_from: {self.folder} is not the workdir"
    ):
      lookup.load_for(models.build(small_weights.GENERATOR), str(self.folder))

  def test_all_at_once(self):
    sentence = self.sentence({"block_bias": True, "num_blocks": 1})
    self.assertIn("num_blocks is 2 and 1; block_bias is False and", sentence)
    for part in ("missing: ", "unexpected: ", "config.generator"):
      self.assertIn(part, sentence)


if __name__ == "__main__":
  absltest.main()
