"""What is said about LR images before training."""

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image, ImageFilter

from srfeat_jax.data import pairs, synthetic
from srfeat_jax.evaluation import pair_report
from srfeat_jax.ops import quality, resize


def pillow(hr: np.ndarray, scale: int, kernel) -> np.ndarray:
  height, width = (length // scale for length in hr.shape[:2])
  return np.asarray(Image.fromarray(hr).resize((width, height), kernel))


def blurred(hr: np.ndarray, scale: int) -> np.ndarray:
  image = Image.fromarray(hr).filter(ImageFilter.GaussianBlur(3))
  return pillow(np.asarray(image), scale, Image.Resampling.NEAREST)


# LR images, and what is said about them.
KINDS = {
  "ours": (lambda hr, s: resize.resize(hr, 1 / s), "as MATLAB and Pillow make"),
  "pillow": (
    lambda hr, s: pillow(hr, s, Image.Resampling.BICUBIC),
    "LR is bicubic of HR as MATLAB and Pillow make it",
  ),
  "lanczos": (
    lambda hr, s: pillow(hr, s, Image.Resampling.LANCZOS),
    "looks like bicubic of HR, but not MATLAB's",
  ),
  "blurred": (blurred, "LR is not MATLAB's bicubic of HR"),
  "other": (
    lambda hr, s: resize.resize(255 - hr, 1 / s),
    "does not look like HR at all",
  ),
}


class Source:
  """Scenes with LR images of a kind."""

  identity = "5 pairs, 123"

  def __init__(self, kind: str, scale: int, size: int = 144):
    self._degrade, self._scale, self._size = KINDS[kind][0], scale, size

  def __len__(self):
    return 5

  def __getitem__(self, index):
    hr = synthetic.scene(index, self._size)
    return pairs.Pair(hr, self._degrade(hr, self._scale))


class SentenceTest(parameterized.TestCase):
  @parameterized.product(kind=tuple(KINDS), scale=(2, 3, 4))
  def test_kinds(self, kind, scale):
    sentence = pair_report.sentence(Source(kind, scale), scale)
    self.assertStartsWith(sentence, "5 pairs of HR and LR: LR ")
    self.assertIn(KINDS[kind][1], sentence)
    self.assertIn(" dB between it and ours, median of 5 pairs)", sentence)
    self.assertLen(sentence.splitlines(), 1)

  def test_the_number_is_the_psnr(self):
    pair = Source("lanczos", 4)[2]
    ours = resize.resize(pair.hr, 1 / 4)
    self.assertEqual(
      pair_report.psnr(pair, 4), quality.psnr(pair.lr, ours, border=4)
    )

  def test_of_large_images_the_middle_is_compared(self):
    pair = Source("ours", 2, size=600)[0]
    lr = pair.lr.copy()
    lr[:80] = 0
    self.assertEqual(pair_report.psnr(pair._replace(lr=lr), 2), float("inf"))
    lr[150] = 0
    self.assertLess(pair_report.psnr(pair._replace(lr=lr), 2), 40)

  def test_restoration(self):
    source = Source("ours", 1)
    self.assertIn(
      "LR is as large as HR (inf dB", pair_report.sentence(source, 1)
    )

  @parameterized.parameters(1, 2, 5)
  def test_tiny_images(self, side):
    pair = Source("ours", 4, size=4 * side)[0]
    self.assertEqual(pair_report.psnr(pair, 4), float("inf"))


if __name__ == "__main__":
  absltest.main()
