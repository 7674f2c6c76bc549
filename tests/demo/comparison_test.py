"""The images on the screen."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.demo import comparison
from srfeat_jax.image_io import pictures
from srfeat_jax.ops import resize
from tests.support import programs


class ComparisonTest(parameterized.TestCase):
  @parameterized.product(
    size=((40, 50), (41, 30), (12, 60)), outscale=(4, 2.5, 1, 3)
  )
  def test_a_part_is_what_the_whole_has_there(self, size, outscale):
    color = programs.image(*size, 3)
    alpha = np.maximum(color[..., 0], 1)  # no colors are filled in
    picture = pictures.Picture([color], [alpha])
    part = comparison.middle(size, 20)
    whole = resize.resize(color, outscale), resize.resize(alpha, outscale)
    for shown in (
      comparison.before(picture, part, outscale),
      comparison.after(
        pictures.Picture([whole[0]], [whole[1]]), part, outscale
      ),
    ):
      top, left = (round(x * outscale) for x in (part.top, part.left))
      height, width = shown.size
      self.assertEqual(height, np.ceil(part.height * outscale))
      for got, expected in zip(
        (*shown.frames, *shown.alphas), whole, strict=True
      ):
        rows, columns = slice(top, top + height), slice(left, left + width)
        difference = got.astype(int) - expected[rows, columns]
        # Sums of other numbers are rounded otherwise now and then.
        self.assertLessEqual(np.abs(difference).max(), 1)
        self.assertLess(np.mean(difference != 0), 5e-3)

  def test_middle(self):
    part = comparison.middle((101, 20), 40)
    self.assertEqual((part.height, part.width), (40, 20))
    self.assertEqual((part.top, part.left), (30, 0))
    whole = comparison.middle((7, 9), 40)
    self.assertEqual(whole, comparison.Part(0, 0, 7, 9))

  def test_fitted(self):
    frames = [programs.image(30, 50, 3)] * 2
    picture = pictures.Picture(frames, durations=[9.0] * 2, exif=b"x")
    still = comparison.fitted(picture, 25)
    self.assertEqual(still.size, (15, 25))
    self.assertLen(still.frames, 1)
    self.assertEqual((still.durations, still.exif), ([], b""))
    np.testing.assert_array_equal(
      comparison.fitted(picture, 60).frames[0], frames[0]
    )


if __name__ == "__main__":
  absltest.main()
