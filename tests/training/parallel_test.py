"""Tests of srfeat_jax.training.parallel."""

import jax
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


if __name__ == "__main__":
  absltest.main()
