"""Generators in our own format: written and read, damaged, no space left."""

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.weights import lookup
from tests.support import disk, image_files, small_weights


class FileTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = self.folder / "x.safetensors"

  @parameterized.parameters(True, False)
  def test_round_trip(self, batch_norm):
    config = small_weights.GENERATOR | {"batch_norm": batch_norm}
    variables = small_weights.initialized(config)
    limits = np.finfo(np.float32)
    odd = [-0.0, limits.max, limits.min, limits.smallest_subnormal]
    variables["params"]["head"]["bias"][:] = odd
    safetensors_file.save(
      self.path, config, jax.tree.map(jnp.asarray, variables)
    )
    self.assertEqual(list(self.folder.iterdir()), [self.path])
    loaded = lookup.load(str(self.path))
    self.assertEqual(loaded.generator, config)
    small_weights.assert_equal(
      *jax.tree.map(lambda x: x.view(np.uint32), (loaded.variables, variables))
    )

  def test_of_no_statistics(self):
    config = small_weights.GENERATOR | {"batch_norm": False}
    variables = small_weights.initialized(config)
    safetensors_file.save(self.path, config, variables | {"batch_stats": {}})
    small_weights.assert_equal(
      lookup.load_for(models.build(config), str(self.path)), variables
    )

  def whole(self) -> bytes:
    safetensors_file.save(
      self.path,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
    )
    return self.path.read_bytes()

  @parameterized.parameters(0, 4, 30, 1000, -1)
  def test_cut_short(self, size):
    self.path.write_bytes(self.whole()[:size])
    with self.assertRaisesRegex(
      errors.InputError,
      r"x\.safetensors is not a (readable safetensors file|file of weights)",
    ):
      lookup.load(str(self.path))

  def test_damaged(self):
    self.path.write_bytes(b"\xff" * 1000)
    with self.assertRaisesRegex(errors.InputError, "is not a file of weights"):
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
  def test_weights_of_another_network(self, network):
    metadata = {"format": f"srfeat_jax/{network}"}
    safetensors_file.write(self.path, {"x": np.zeros(3)}, metadata)
    with self.assertRaisesRegex(
      errors.InputError,
      f"holds the weights of {network}, which is not a generator",
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
      small_weights.assert_equal(read, tensors)
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
      safetensors_file.save(
        self.path,
        small_weights.GENERATOR,
        small_weights.initialized(small_weights.GENERATOR),
      )

  def test_disk_full_keeps_the_old_file(self):
    before = self.whole()
    with (
      disk.full(2000),
      self.assertRaisesRegex(errors.InputError, r"x\.safetensors .*written"),
    ):
      self.whole()
    self.assertEqual(self.path.read_bytes(), before)
    self.assertEqual(list(self.folder.iterdir()), [self.path])


if __name__ == "__main__":
  absltest.main()
