"""JPEG as arithmetic, against Pillow's files."""

import io

import jax
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.data import synthetic
from srfeat_jax.ops import jpeg


def _saved(image: np.ndarray, quality: int) -> np.ndarray:
  file = io.BytesIO()
  Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=2)
  return np.asarray(Image.open(file))


def _psnr(a, b) -> float:
  difference = a.astype(float) - b.astype(float)
  return 10 * np.log10(255**2 / np.mean(difference**2))


def _levels(image) -> np.ndarray:
  levels = np.asarray(image) * 255
  np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
  return np.rint(levels).astype(np.uint8)


class JPEGTest(parameterized.TestCase):
  @parameterized.product(
    quality=(5, 30, 50, 60, 75, 90, 98), size=((96, 96), (61, 97), (36, 36))
  )
  def test_loses_what_pillow_loses(self, quality, size):
    height, width = size
    image = synthetic.scene(3, 128)[:height, :width]
    pillow = _saved(image, quality)
    ours = _levels(jpeg.compress(image / np.float32(255), quality))
    # Of the same size, and at the same places.
    self.assertLess(abs(_psnr(ours, image) - _psnr(pillow, image)), 0.3)
    self.assertGreater(_psnr(ours, pillow), 40)

  @parameterized.parameters(1, 10, 49, 50, 75, 95, 100)
  def test_tables_are_those_of_pillow(self, quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    tables = Image.open(file).quantization
    for i, kind in enumerate(("luma", "chroma")):
      table = np.asarray(jpeg.quantization_table(kind, quality))
      np.testing.assert_array_equal(table.ravel(), tables[i])

  def test_the_grid_shifts_with_row_and_column(self):
    image = synthetic.scene(5, 64)[:50, :45]
    compress = jax.jit(jpeg.compress)
    for row, column in ((0, 0), (3, 0), (5, 11), (15, 15)):
      around = np.pad(image, ((row, 0), (column, 0), (0, 0)), mode="edge")
      expected = _saved(around, 40)[row:, column:]
      ours = compress(image / np.float32(255), 40, row, column)
      self.assertGreater(_psnr(_levels(ours), expected), 40)
    other = compress(image / np.float32(255), 40, 4, 4)
    self.assertLess(_psnr(_levels(other), _saved(image, 40)), 40)

  def test_gray_stays_gray(self):
    gray = np.repeat(synthetic.scene(1, 32)[..., :1], 3, axis=-1)
    result = _levels(jpeg.compress(gray / np.float32(255), 50))
    self.assertLessEqual(np.ptp(result.astype(int), axis=-1).max(), 1)


if __name__ == "__main__":
  absltest.main()
