"""Which image lies in which row."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.data import packing


class PackingTest(parameterized.TestCase):
  @parameterized.parameters(1, 4)
  def test_images_lie_in_rows_and_none_over_another(self, devices):
    sizes = np.random.default_rng(0).integers(100, 9000, 500)
    packed = packing.pack(sizes.tolist(), devices)
    self.assertEqual(packed.num_rows % devices, 0)
    starts = packed.places.rows * packed.row_bytes + packed.places.starts
    ends = starts + sizes
    np.testing.assert_array_less(ends[:-1] - 1, starts[1:])
    np.testing.assert_array_equal(
      (ends - 1) // packed.row_bytes, packed.places.rows
    )
    self.assertLess(packed.places.rows.max(), packed.num_rows)
    self.assertLess(packed.num_bytes, 1.3 * sizes.sum())

  def test_rows_of_large_sets(self):
    packed = packing.pack([10**8] * 100, 2)
    self.assertEqual(packed.row_bytes, 2**28)  # of two images
    packed = packing.pack([10**9, 5, 5], 2)
    self.assertEqual(packed.row_bytes, 10**9)
    self.assertEqual(packed.num_rows, 2)


if __name__ == "__main__":
  absltest.main()
