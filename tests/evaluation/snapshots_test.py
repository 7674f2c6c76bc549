"""Which images a run leaves of its validations, and when."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import snapshots
from srfeat_jax.image_io import images
from tests.support import image_files


class DueTest(parameterized.TestCase):
  @parameterized.parameters(
    ((0.0, 0.5, 1.0), 1000, 250, {0, 500, 1000}),
    # The first validation from there on, and the last step has one.
    ((0.0, 0.5, 1.0), 1000, 300, {0, 600, 1000}),
    ((0.5,), 10, 100, {10}),
    ((), 10, 1, set()),
  )
  def test_due(self, fractions, num_steps, eval_every, expected):
    steps = snapshots.due(fractions, num_steps, eval_every)
    self.assertEqual(steps, expected)


class SnapshotsTest(image_files.FolderTestCase):
  def test_first_images_of_each_set_in_turn_at_the_steps_asked_for(self):
    sets = [
      benchmarks.BenchmarkSet(
        name,
        tuple(benchmarks.BenchmarkImage(f"{i}", 4) for i in range(count)),
      )
      for name, count in (("A", 2), ("B", 100))
    ]
    snapshots_ = snapshots.Snapshots(self.folder, sets, frozenset({10}))
    lr, hr = np.zeros((2, 3, 3), np.uint8), np.zeros((8, 12, 3), np.uint8)
    for step in (9, 10):
      for each in sets:
        for image in each.images:
          snapshots_.keep(step, each.name, image.name, lr, hr, hr)
    written = sorted(
      path.relative_to(self.folder / "snapshots").as_posix()
      for path in self.folder.rglob("*.png")
    )
    names = ["A/0", "A/1", *(f"B/{i}" for i in range(6))]
    self.assertEqual(
      written,
      [f"{step}/{name}.png" for step in ("10", "HR", "LR") for name in names],
    )

  def test_of_a_large_image_the_part_with_detail(self):
    rng = np.random.default_rng(0)
    hr = np.zeros((600, 1200), np.uint8)
    hr[40:, 640:1152] = rng.integers(0, 256, (560, 512))
    lr = hr[::4, ::4]
    sets = [
      benchmarks.BenchmarkSet("A", (benchmarks.BenchmarkImage("a.b", 4),))
    ]
    snapshots_ = snapshots.Snapshots(self.folder, sets, frozenset({0}))
    snapshots_.keep(0, "A", "a.b", lr, 255 - hr, hr)
    part = {
      name: images.read(self.folder / "snapshots" / name / "A/a.b.png")
      for name in ("0", "HR", "LR")
    }
    self.assertEqual(part["HR"].shape, (512, 512))
    # The three are the same place.
    np.testing.assert_array_equal(part["HR"], 255 - part["0"])
    np.testing.assert_array_equal(part["HR"][::4, ::4], part["LR"])
    self.assertGreater(part["HR"].std(), 60)


if __name__ == "__main__":
  absltest.main()
