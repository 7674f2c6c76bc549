"""Where images of an evaluation are."""

from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import saved_images


def results(methods, **fields):
  sets = {"A": {"psnr_y": 30.0, "images": {"x": {}, "deep/y": {}}}}
  first, *others = methods
  others = {"others": dict.fromkeys(others, sets)} if others else {}
  return {"weights": first, "sets": sets, **others, **fields}


class SavedImagesTest(parameterized.TestCase):
  def test_one_and_several(self):
    self.assertEqual(saved_images.folders({"a/b": "b"}), {"a/b": "images"})
    self.assertEqual(
      saved_images.folders({"a/b": "a/b", "b": "b"}),
      {"a/b": "images/a_b", "b": "images/b"},
    )

  def test_files(self):
    found = results(["a", "b"])
    self.assertEqual(
      saved_images.files(found, "b", "images/b"),
      {
        ("A", "x"): "images/b/A/x.png",
        ("A", "deep/y"): "images/b/A/deep/y.png",
      },
    )
    for place in ("/etc", "../x", "images/../.."):
      with self.assertRaises(ValueError):
        saved_images.files(found, "a", place)

  def test_what_the_results_say_counts(self):
    for places in ({}, {"a": "images/else"}):
      found = results(["a", "b"], images=places)
      self.assertEqual(saved_images.places(found), places)

  @parameterized.parameters(
    (["r/mine (ensemble)"], ["images"]),
    (["r/mine + 0.3 r/other"], ["images"]),
    (
      ["r/b.c (ensemble) (float32)", "d (ensemble) (float32)"],
      ["images/b.c", "images/d"],
    ),
    (
      ["r/1/x (bfloat16)", "r/2/x (bfloat16)"],
      ["images/r_1_x (bfloat16)", "images/r_2_x (bfloat16)"],
    ),
  )
  def test_results_of_earlier_versions(self, methods, places):
    """Which do not say it, but had the same names of folders."""
    found = saved_images.places(results(methods))
    self.assertEqual(found, dict(zip(methods, places, strict=True)))


if __name__ == "__main__":
  absltest.main()
