"""Tests of srfeat_jax.training.parallel."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.training import parallel


class BatchSizeTest(parameterized.TestCase):
  def test_there_are_several_devices(self):
    self.assertEqual(jax.device_count(), 4)

  @parameterized.parameters(0, -4, 3, 6, 9)
  def test_does_not_divide(self, batch_size):
    with self.assertRaisesRegex(
      errors.InputError, f"batch_size is {batch_size}, .*devices, 4"
    ):
      parallel.check_batch_size(batch_size)

  def test_divides(self):
    for batch_size in (4, 16):
      parallel.check_batch_size(batch_size)


class GlobalTest(parameterized.TestCase):
  def test_batches_with_pairs(self):
    batch = {"hr": np.arange(32).reshape(8, 2, 2), "is_pair": np.arange(8) > 2}
    placed = parallel.to_global(batch, parallel.make_mesh())
    for name, array in batch.items():
      np.testing.assert_array_equal(placed[name], array)
      self.assertLen(placed[name].addressable_shards, 4)
      self.assertLen(placed[name].addressable_data(0), 2)


if __name__ == "__main__":
  absltest.main()
