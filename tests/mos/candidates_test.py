"""Finding the images that raters are to be shown."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.image_io import images
from srfeat_jax.mos import candidates
from tests.support import image_files, opinion_studies, paths


class CandidatesTest(image_files.FolderTestCase, parameterized.TestCase):
  def test_results_of_one_and_of_several_weights(self):
    one, two = self.folder / "one", self.folder / "two"
    opinion_studies.write_results(one, ["runs/mine"], ["A/x", "A/deep/y"])
    opinion_studies.write_results(two, ["runs/a.b", "b"], ["A/x"])
    results = candidates.of_methods([str(one), str(two)])
    self.assertEqual(results.scales, {str(one): 4, str(two): 4})
    found = results.methods
    self.assertEqual(list(found), ["mine", "a.b", "b"])
    self.assertEqual({*found["mine"]}, {("A", "x"), ("A", "deep/y")})
    self.assertEqual({*found["b"]}, {("A", "x")})
    np.testing.assert_array_equal(
      found["b"]["A", "x"](), images.read(two / "images/b/A/x.png")
    )

  def test_scales(self):
    self.assertEqual(candidates.scale({"r": 2, "s": 2}, None), 2)
    self.assertEqual(candidates.scale({"r": 2}, 2), 2)
    self.assertEqual(candidates.scale({}, 3), 3)
    self.assertIsNone(candidates.scale({}, None))
    for scales, told, part in (
      ({"r": 4}, 2, "--scale=2, but by its results.json r .* by 4"),
      ({"r": 4, "s": 2}, None, "r by 4, s by 2"),
    ):
      with self.assertRaisesRegex(errors.InputError, part):
        candidates.scale(scales, told)

  def test_folders_of_others(self):
    opinion_studies.write_images(self.folder / "a", "S/x.png")
    opinion_studies.write_images(self.folder / "b", "x.webp")
    a, b = f"a={self.folder / 'a'}", f"b={self.folder / 'b'}"
    found = candidates.of_methods([a, b]).methods
    self.assertEqual({*found["a"]}, {*found["b"]})
    found = candidates.of_methods([b])
    self.assertEqual([*found.methods["b"]], [("images", "x")])
    self.assertEmpty(found.scales)

  def test_what_is_no_result(self):
    opinion_studies.write_images(self.folder / "a", "S/x.png", "T/x.png")
    opinion_studies.write_images(self.folder / "b", "x.png")
    a, b = f"a={self.folder / 'a'}", f"b={self.folder / 'b'}"
    for arguments, part in (
      (["nowhere"], "nowhere"),
      (["a=nowhere"], "METHOD=FOLDER"),
      ([str(self.folder)], "results.json cannot be read"),
      ([a, a], "call one of them otherwise"),
      ([a, b], "FOLDER/SET/NAME.png"),
    ):
      with self.assertRaisesRegex(errors.InputError, part):
        candidates.of_methods(arguments)

  def test_methods_that_cannot_be_compared(self):
    def read():
      return np.zeros((4, 4), np.uint8)

    x, y = ("A", "x"), ("A", "y")
    candidates.check({"a": {x: read}, "b": {x: read}})
    for methods, part in (
      ({}, "nothing is there"),
      ({"a": {x: read}}, "only a is"),
      (
        {"a": {x: read}, "b": {x: read, y: read}},
        "a has no image A/y, which b",
      ),
    ):
      with self.assertRaisesRegex(errors.InputError, part):
        candidates.check(methods)
    with self.assertRaisesRegex(errors.InputError, "A/x has 4 x 5.*and 4 x 6"):
      arrays = {"a": np.zeros((4, 5)), "b": np.zeros((4, 6, 3))}
      candidates.check_sizes(x, arrays)

  def test_interpolated_images(self):
    hr = self.folder / "S" / "HR" / "x.png"
    opinion_studies.write_images(hr.parent, "x.png", size=(9, 14))
    found = candidates.of_benchmarks(str(self.folder), ["S"], 4)
    self.assertEqual(list(found), ["HR", "nearest", "bicubic"])
    made = {name: each["S", "x"]() for name, each in found.items()}
    np.testing.assert_array_equal(made["HR"], images.read(hr)[:8, :12])
    self.assertEqual({each.shape for each in made.values()}, {(8, 12, 3)})
    blocks = made["nearest"].reshape(2, 4, 3, 4, 3)
    self.assertEqual(np.ptp(blocks, axis=(1, 3)).max(), 0)
    self.assertGreater(np.ptp(made["bicubic"][:4, :4]), 0)

  @absltest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_a_benchmark_set(self):
    """Interpolated are the set's own LR images."""
    folder = paths.DATA / "benchmarks"
    found = candidates.of_benchmarks(str(folder), ["Set5"], 4, ["nearest"])
    source = sorted(found["HR"])[0]
    lr = images.read(folder / "Set5" / "LRx4" / f"{source[1]}.png")
    np.testing.assert_array_equal(found["nearest"][source]()[::4, ::4], lr)


if __name__ == "__main__":
  absltest.main()
