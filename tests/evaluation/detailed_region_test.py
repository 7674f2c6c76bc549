"""Where in an image there is most detail."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import detailed_region


class FindTest(parameterized.TestCase):
  @parameterized.parameters((1, 1), (3, 5), (9, 4), (9, 12))
  def test_of_all_rectangles_the_one_with_the_largest_sum(self, height, width):
    energy = np.random.default_rng(height).random((9, 12))
    sums = {
      (top, left): energy[top : top + height, left : left + width].sum()
      for top in range(9 - height + 1)
      for left in range(12 - width + 1)
    }
    found = detailed_region.find(energy, height, width)
    self.assertEqual(found, max(sums, key=sums.get))

  def test_without_detail_it_is_the_first(self):
    self.assertEqual(detailed_region.find(np.zeros((5, 6)), 2, 3), (0, 0))


if __name__ == "__main__":
  absltest.main()
