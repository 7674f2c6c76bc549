"""What each preset cuts from an image."""

import collections

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.ops import resize
from srfeat_jax.preparation import recipes


def coded(height: int, width: int) -> np.ndarray:
  """An image whose pixels are their row and column."""
  rows, columns = np.mgrid[:height, :width]
  parts = [rows, columns % 256, columns // 256]
  return np.stack(parts, -1).astype(np.uint8)


def cut(recipe, image, name="a.png") -> list[recipes.Crop]:
  return list(recipe.cut(image, name))


class RecipesTest(parameterized.TestCase):
  @parameterized.parameters(
    *(
      (name, *size) for name in recipes.PRESETS for size in ((80, 64), (71, 90))
    )
  )
  def test_planned_as_cut(self, name, height, width):
    recipe = recipes.create(name, recipes.Options(size=32))
    crops = cut(recipe, coded(height, width))
    self.assertLen(crops, recipe.count(height, width))
    for crop in crops:
      self.assertEqual(crop.image.shape[:2], recipe.record_size(height, width))

  @parameterized.parameters(*recipes.PRESETS)
  def test_the_smallest_image(self, name):
    recipe = recipes.create(name, recipes.Options(size=32))
    side = recipe.min_side()
    self.assertNotEmpty(cut(recipe, coded(side, side)))

  def test_the_center_is_that_of_the_pipeline(self):
    recipe = recipes.create("coco", recipes.Options(size=7))
    (crop,) = cut(recipe, coded(12, 16))
    np.testing.assert_array_equal(crop.image, coded(12, 16)[2:9, 4:11])

  def test_sizes_of_the_documents(self):
    sizes = {
      name: recipes.create(name, recipes.Options()).record_size(2000, 2000)
      for name in ("coco", "div2k", "div2k-half", "mirflickr", "subimages")
    }
    self.assertEqual(
      [size for size, _ in sizes.values()], [296] * 3 + [256, 480]
    )

  def test_sub_images_cover_the_image(self):
    recipe = recipes.create("subimages", recipes.Options(size=48, stride=24))
    crops = cut(recipe, coded(100, 130))
    tops = sorted({crop.about["top"] for crop in crops})
    lefts = sorted({crop.about["left"] for crop in crops})
    self.assertEqual(tops, [0, 24, 48, 52])
    self.assertEqual(lefts, [0, 24, 48, 72, 82])
    self.assertLen(crops, 20)

  def test_sub_images_of_div2k(self):
    recipe = recipes.create("subimages", recipes.Options())
    self.assertEqual(recipe.count(1356, 2040), 5 * 8)
    self.assertEqual(recipe.count(480, 480), 1)

  @parameterized.parameters(
    ("div2k", (35, 35, 10, 10, 10, 10, 10, 10)),
    ("div2k-half", (5,) * 8),
  )
  def test_orientations(self, name, counts):
    size, image = 32, coded(150, 300)
    source = resize.resize(image, 0.5) if name == "div2k-half" else image
    crops = cut(recipes.create(name, recipes.Options(size=size)), image)
    flipped = source[:, ::-1]
    # By the definition: MATLAB's flip(., 2), then rot90 counterclockwise.
    expected = {"original": source, "flip": flipped}
    for turns, rotation in enumerate(("rot90", "rot180", "rot270"), 1):
      expected[rotation] = np.rot90(source, turns)
      expected[f"flip+{rotation}"] = np.rot90(flipped, turns)
    found = collections.Counter(crop.about["orientation"] for crop in crops)
    order = (
      *("original", "flip", "rot90", "rot180", "rot270"),
      *("flip+rot90", "flip+rot180", "flip+rot270"),
    )
    self.assertEqual(dict(found), dict(zip(order, counts, strict=True)))
    for crop in crops:
      top, left = crop.about["top"], crop.about["left"]
      whole = expected[crop.about["orientation"]]
      np.testing.assert_array_equal(
        crop.image, whole[top : top + size, left : left + size]
      )

  def test_seeded_by_name(self):
    def positions(seed, name):
      recipe = recipes.create("div2k", recipes.Options(size=32, seed=seed))
      return [crop.about for crop in cut(recipe, coded(80, 90), name)]

    self.assertEqual(positions(0, "a.png"), positions(0, "a.png"))
    self.assertNotEqual(positions(0, "a.png"), positions(1, "a.png"))
    self.assertNotEqual(positions(0, "a.png"), positions(0, "b.png"))

  def test_positions_are_everywhere(self):
    recipe = recipes.Oriented(8, (500,) + (0,) * 7, False, 0)
    crops = cut(recipe, coded(10, 12))
    places = {(crop.about["top"], crop.about["left"]) for crop in crops}
    self.assertLen(places, 3 * 5)

  @parameterized.parameters(
    ("coca", {}, '"coca" is no preset.*coco'),
    ("coco", {"stride": 3}, "--stride=3 is set.*coco has no stride"),
    ("folder", {"seed": 3}, "--seed=3 is set.*folder has no seed"),
  )
  def test_bad_input(self, name, options, sentence):
    with self.assertRaisesRegex(errors.InputError, sentence):
      recipes.create(name, recipes.Options(**options))


if __name__ == "__main__":
  absltest.main()
