"""A generator's weights, from a run's folder or from a file."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors.numpy
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import safetensors_file, torch_writer
from srfeat_jax.interchange.layouts import basicsr
from srfeat_jax.training import checkpoint, parallel, state, workdir
from srfeat_jax.weights import lookup
from tests.support import disk, image_files, runs

GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 2,
  "batch_norm": True,
}


def initialized(config) -> dict:
  """Variables of a generator, none of them 0."""
  generator = models.build(config)
  shapes = jax.eval_shape(
    generator.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3))
  )
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype(np.float32), shapes
  )


def assert_equal(ours, theirs):
  assert jax.tree.structure(ours) == jax.tree.structure(theirs)
  jax.tree.map(np.testing.assert_array_equal, ours, theirs)


class LoadTest(image_files.FolderTestCase):
  def save_run(self, config: dict, variables: dict, *, keep_ema: bool) -> dict:
    """Makes the test's folder the workdir of a run; returns its average."""
    workdir.record(self.folder, {"generator": config})
    start = state.start(
      variables, optax.adam(1e-3), {}, optax.adam(1e-3), keep_ema=keep_ema
    )
    if keep_ema:
      start = start.replace(ema=jax.tree.map(lambda x: 2 * x, start.ema))
    replicated = parallel.replicated(parallel.make_mesh())
    checkpointer = checkpoint.Checkpointer(self.folder, keep=2)
    for step in (4, 5):
      checkpointer.save(
        step, jax.device_put(start, replicated), {}, {"generator": config}
      )
    checkpointer.close()
    return start.best_variables

  @parameterized.product(batch_norm=(True, False), keep_ema=(True, False))
  def test_workdir(self, batch_norm, keep_ema):
    config = GENERATOR | {"batch_norm": batch_norm}
    expected = self.save_run(config, initialized(config), keep_ema=keep_ema)
    loaded = lookup.load(str(self.folder))
    self.assertEqual(loaded.generator, config)
    self.assertEqual("batch_stats" in loaded.variables, batch_norm)
    assert_equal(loaded.variables["params"], expected["params"])
    assert_equal(
      loaded.variables.get("batch_stats", {}), expected["batch_stats"]
    )
    for leaf in jax.tree.leaves(loaded.variables):
      self.assertIsInstance(leaf, np.ndarray)
    generator = models.build(loaded.generator)
    again = lookup.load_for(generator, str(self.folder))
    assert_equal(again["params"], expected["params"])

  def test_workdir_of_a_run_that_diverged(self):
    variables = initialized(GENERATOR)
    variables["params"]["head"]["kernel"][0, 0, 0, 0] = np.nan
    self.save_run(GENERATOR, variables, keep_ema=False)
    with self.assertRaisesRegex(
      errors.InputError, "holds NaN or infinity in params/head/kernel: "
    ):
      lookup.load(str(self.folder))

  def test_workdir_without_checkpoint(self):
    workdir.record(self.folder, {"generator": GENERATOR})
    with self.assertRaisesRegex(errors.InputError, "no complete checkpoint"):
      lookup.load(str(self.folder))
    self.assertLen(list(self.folder.iterdir()), 2)

  def test_checkpoint_of_another_generator(self):
    self.save_run(GENERATOR, initialized(GENERATOR), keep_ema=False)
    workdir.record(self.folder, {"generator": GENERATOR | {"features": 8}})
    with self.assertRaisesRegex(
      errors.InputError, "generator.features was 4 and is now 8"
    ):
      lookup.load(str(self.folder))

  @parameterized.parameters("empty files", "no state", "no files")
  def test_damaged_checkpoint(self, damage):
    self.save_run(GENERATOR, initialized(GENERATOR), keep_ema=False)
    runs.damage(self.folder / "checkpoints" / "5", damage)
    with self.assertRaisesRegex(
      errors.InputError,
      r"checkpoint 5 in .*checkpoints is damaged .*delete that folder to go on"
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
    with self.assertRaisesRegex(errors.InputError, f"{name} is no file with"):
      lookup.load(str(self.folder / name))

  @parameterized.parameters("x.safetensors", "x.pth")
  def test_file_missing(self, name):
    with self.assertRaisesRegex(errors.InputError, f"no weights file .*{name}"):
      lookup.load(str(self.folder / name))

  def test_nothing_there(self):
    with self.assertRaisesRegex(errors.InputError, "nowhere.* is neither"):
      lookup.load(str(self.folder / "nowhere"))

  def test_file_of_another_program(self):
    generator = models.build({"architecture": "msrresnet", "num_blocks": 2})
    config = generator_file.complete(
      {"architecture": "msrresnet", "num_blocks": 2}
    )
    variables = initialized(config)
    path = self.folder / "x.pth"
    torch_writer.save(path, "params", basicsr.state_dict(config, variables))
    loaded = lookup.load(str(path))
    self.assertEqual(loaded.generator, config)
    assert_equal(lookup.load_for(generator, str(path)), variables)


class FileTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = self.folder / "x.safetensors"

  @parameterized.parameters(True, False)
  def test_round_trip(self, batch_norm):
    config = GENERATOR | {"batch_norm": batch_norm}
    variables = initialized(config)
    limits = np.finfo(np.float32)
    odd = [-0.0, limits.max, limits.min, limits.smallest_subnormal]
    variables["params"]["head"]["bias"][:] = odd
    safetensors_file.save(
      self.path, config, jax.tree.map(jnp.asarray, variables)
    )
    self.assertEqual(list(self.folder.iterdir()), [self.path])
    loaded = lookup.load(str(self.path))
    self.assertEqual(loaded.generator, config)
    assert_equal(
      *jax.tree.map(lambda x: x.view(np.uint32), (loaded.variables, variables))
    )

  def test_of_no_statistics(self):
    config = GENERATOR | {"batch_norm": False}
    variables = initialized(config)
    safetensors_file.save(self.path, config, variables | {"batch_stats": {}})
    assert_equal(
      lookup.load_for(models.build(config), str(self.path)), variables
    )

  def whole(self) -> bytes:
    safetensors_file.save(self.path, GENERATOR, initialized(GENERATOR))
    return self.path.read_bytes()

  @parameterized.parameters(0, 4, 30, 1000, -1)
  def test_cut_short(self, size):
    self.path.write_bytes(self.whole()[:size])
    with self.assertRaisesRegex(
      errors.InputError,
      r"x\.safetensors is (not a readable safetensors file|no file with)",
    ):
      lookup.load(str(self.path))

  def test_damaged(self):
    self.path.write_bytes(b"\xff" * 1000)
    with self.assertRaisesRegex(errors.InputError, "is no file with weights"):
      lookup.load(str(self.path))

  @parameterized.parameters(
    (None,), ({"format": "pt"},), ({"generator": "{}"},)
  )
  def test_foreign(self, about):
    tensors = {"x": np.zeros(3, np.float32), "x/y": np.ones(2, np.float32)}
    safetensors.numpy.save_file(tensors, self.path, about)
    with self.assertRaisesRegex(errors.InputError, "holds no generator"):
      lookup.load(str(self.path))

  @parameterized.parameters("vgg19", "lpips")
  def test_weights_of_what_judges(self, network):
    metadata = {"format": f"srfeat_jax/{network}"}
    safetensors_file.write(self.path, {"x": np.zeros(3)}, metadata)
    with self.assertRaisesRegex(
      errors.InputError, f"holds the weights of {network}, which judges"
    ):
      lookup.load(str(self.path))

  def test_same_weights_make_the_same_bytes(self):
    tensors = {"y": np.arange(5.0), "x": np.zeros(3, np.float32)}
    names = [f"name {i} \u00e4" for i in range(20)]
    files = []
    for order in (names, names[::-1]):
      safetensors_file.write(self.path, tensors, {n: "text" for n in order})
      files.append(self.path.read_bytes())
      read, metadata = safetensors_file.read(self.path)
      assert_equal(read, tensors)
      self.assertCountEqual(metadata, names)
    self.assertEqual(*files)
    start = int.from_bytes(files[0][:8], "little")
    self.assertEqual(start % 8, 0)

  def test_rights_are_those_of_any_new_file(self):
    self.whole()
    self.assertEqual(self.path.stat().st_mode, self.file("x").stat().st_mode)

  def test_no_right_to_write(self):
    with (
      image_files.without_rights(self.folder),
      self.assertRaisesRegex(errors.InputError, r"x\.safetensors .*written"),
    ):
      safetensors_file.save(self.path, GENERATOR, initialized(GENERATOR))

  def test_disk_full_keeps_the_old_file(self):
    before = self.whole()
    with (
      disk.full(2000),
      self.assertRaisesRegex(errors.InputError, r"x\.safetensors .*written"),
    ):
      self.whole()
    self.assertEqual(self.path.read_bytes(), before)
    self.assertEqual(list(self.folder.iterdir()), [self.path])


class LoadForTest(image_files.FolderTestCase):
  def sentence(self, change: dict) -> str:
    """How weights are refused for a generator that differs."""
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, GENERATOR, initialized(GENERATOR))
    with self.assertRaises(errors.InputError) as caught:
      lookup.load_for(models.build(GENERATOR | change), str(path))
    self.assertIn(str(path), str(caught.exception))
    return str(caught.exception)

  def test_missing(self):
    sentence = self.sentence({"num_blocks": 3})
    self.assertIn("missing: batch_stats/blocks_2/norm_0/mean, ", sentence)
    self.assertNotIn("unexpected", sentence)
    self.assertNotIn("shape", sentence)

  def test_unexpected(self):
    sentence = self.sentence({"num_blocks": 1})
    self.assertIn("11 unexpected: batch_stats/blocks_1/norm_0/mean, ", sentence)
    self.assertNotIn("missing", sentence)

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
    self.assertIn(f"config.generator: {expected}. Set", sentence)

  def test_another_architecture(self):
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, GENERATOR, initialized(GENERATOR))
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
    variables = initialized(GENERATOR)
    safetensors_file.save(path, GENERATOR, variables)
    loaded = lookup.load_for(models.build(GENERATOR | change), str(path))
    assert_equal(loaded, variables)

  def test_does_not_exist(self):
    with self.assertRaisesRegex(
      errors.InputError, "config.init_from is nowhere/x, which does not exist"
    ):
      lookup.load_for(models.build(GENERATOR), "nowhere/x")

  def test_cannot_be_loaded(self):
    with self.assertRaisesRegex(
      errors.InputError, f"config.init_from: {self.folder} is not the workdir"
    ):
      lookup.load_for(models.build(GENERATOR), str(self.folder))

  def test_all_at_once(self):
    sentence = self.sentence({"block_bias": True, "num_blocks": 1})
    for part in ("missing: ", "unexpected: ", "config.generator"):
      self.assertIn(part, sentence)


if __name__ == "__main__":
  absltest.main()
