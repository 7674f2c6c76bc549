"""Tests of srfeat_jax.evaluation.image_pairs."""

import functools

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.evaluation import evaluator, image_pairs, protocol
from srfeat_jax.image_io import images
from srfeat_jax.ops import quality
from tests.support import image_files


class ImagePairsTest(image_files.FolderTestCase):
  def save(self, folder: str, *names: str, shape=(40, 44, 3)) -> str:
    for seed, name in enumerate(names):
      rng = np.random.default_rng([seed, len(folder)])
      image = rng.integers(0, 256, shape, dtype=np.uint8)
      images.write(self.folder / folder / name, image)
    return str(self.folder / folder)

  def load(self, scale=4):
    return image_pairs.load(
      self.folder / "mine", self.folder / "targets", scale
    )

  @parameterized.parameters(
    (("a.png", "deep/b.png"), ("a.png", "deep/b.png")),
    (("ax4_SR.png", "deep/b_x4.png"), ("a_HR.png", "deep/b.bmp")),
    (("a-my_net.v2.png", "deep/b-my_net.v2.png"), ("a.png", "deep/b.png")),
    (("1_net.png", "11_net.png"), ("1.png", "11.png")),
    (("a_net.png", "b_net.png"), ("a_HR.png", "b_HR.png")),
  )
  def test_names(self, srs, hrs):
    self.save("mine", *srs)
    self.save("targets", *hrs)
    found = self.load()
    self.assertEqual(found.name, "mine")
    self.assertEqual(
      [(each.lr_path.name, each.hr_path.name) for each in found.images],
      [
        (s.split("/")[-1], h.split("/")[-1])
        for s, h in zip(srs, hrs, strict=True)
      ],
    )

  def test_scores(self):
    """HR is cropped to a multiple of the scale factor; gray is compared so."""
    self.save("targets", "a.png", shape=(43, 45, 3))
    self.save("targets", "g.png", shape=(40, 44))
    self.save("mine", "a.png")
    self.save("mine", "g.png")
    self.save("targets", "odd.png", shape=(43, 45, 3))
    self.save("mine", "odd.png", shape=(43, 45, 3))
    found = self.load()
    rules = protocol.MATLAB
    cropped = functools.partial(image_pairs.cropped, scale=4)
    scores = evaluator.evaluate(cropped, [found])["sets"]["mine"]
    sr, hr = (
      images.read(self.folder / f / "odd.png")[:40, :44]
      for f in ("mine", "targets")
    )
    self.assertEqual(scores["images"]["odd"], rules.measure(sr, hr, 4))
    sr, hr = (
      images.read(self.folder / f / "a.png") for f in ("mine", "targets")
    )
    hr = hr[:40, :44]
    self.assertEqual(scores["images"]["a"], rules.measure(sr, hr, 4))
    sr, hr = (
      images.read(self.folder / f / "g.png") for f in ("mine", "targets")
    )
    gray = np.rint(sr @ np.array([0.299, 0.587, 0.114]))
    self.assertAlmostEqual(
      scores["images"]["g"]["psnr_y"], quality.psnr(gray, hr.astype(float), 4)
    )

  def test_what_is_refused(self):
    self.save("targets", "a.png", "b.png")
    for names, shape, sentence in (
      (("a.png",), (40, 44, 3), "targets/b.png: no image in .*mine has"),
      (("a.png", "b.png", "c.png"), (40, 44, 3), "mine/c.png: no image in"),
      (("x.png", "y.png"), (40, 44, 3), "mine/x.png, .*y.png: no image in"),
      (("a.png", "a_x4.png"), (40, 44, 3), "a_x4.png: no image"),
      (("a_x4.png", "a_SR.png"), (40, 44, 3), "both go with"),
      (
        ("a.png", "b.png"),
        (20, 22, 3),
        r"20 x 22 .* 40 x 44: expected the same s",
      ),
    ):
      with self.subTest(sentence):
        for path in self.folder.glob("mine/*"):
          path.unlink()
        self.save("mine", *names, shape=shape)
        with self.assertRaisesRegex(errors.InputError, sentence):
          self.load()
    self.save("targets", "a.png", "b.png", shape=(1, 1, 3))
    self.save("mine", "a.png", "b.png", shape=(1, 1, 3))
    with self.assertRaisesRegex(errors.InputError, "1 x 1 pixels, fewer"):
      self.load()
    folders = self.folder / "mine", self.folder / "targets"
    self.assertLen(image_pairs.load(*folders, 1).images, 2)
    with self.assertRaisesRegex(errors.InputError, "nowhere"):
      image_pairs.load(self.folder / "nowhere", self.folder / "targets", 4)


if __name__ == "__main__":
  absltest.main()
