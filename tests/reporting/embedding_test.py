"""Images in a page: the same pixels, or as many as fit."""

import base64
import io

import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax.reporting import embedding


def decoded(address: str) -> np.ndarray:
  prefix, _, data = address.partition(",")
  assert prefix == "data:image/webp;base64"
  return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def size(group) -> int:
  return sum(len(each) * 3 // 4 for each in group.values())


class EmbeddingTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    x, y = np.mgrid[:64, :64]
    smooth = np.stack([x * 4, y * 4, 255 - x * 4], -1)
    noise = np.random.default_rng(0).integers(-20, 20, smooth.shape)
    self.image = np.clip(smooth + noise, 0, 255).astype(np.uint8)

  def test_lossless_if_it_fits(self):
    np.testing.assert_array_equal(
      decoded(embedding.address(self.image)), self.image
    )
    ((group,), words) = embedding.fitted([{"a": self.image}])
    self.assertEqual(words, "lossless")
    np.testing.assert_array_equal(decoded(group["a"]), self.image)

  def test_less_quality_before_fewer_images(self):
    groups = [{"a": self.image, "b": self.image[::-1].copy()}] * 3
    everything, _ = embedding.fitted(groups)
    budget = sum(map(size, everything)) // 2
    smaller, words = embedding.fitted(groups, budget)
    self.assertLen(smaller, 3)
    self.assertStartsWith(words, "WebP of quality")
    self.assertLessEqual(sum(map(size, smaller)), budget + 6)
    difference = decoded(smaller[0]["a"]).astype(int) - self.image
    self.assertLess(abs(difference).mean(), 10)
    # The first ones, where not even that is enough.
    least, _ = embedding.fitted(groups, 1)
    self.assertEmpty(least)
    _, *rest = embedding.fitted(groups * 9, budget)[0]
    self.assertBetween(len(rest), 1, 25)


if __name__ == "__main__":
  absltest.main()
