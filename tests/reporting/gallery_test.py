"""Images with their versions, from snapshots and from what was evaluated."""

import json
import math

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from srfeat_jax.ops import quality
from srfeat_jax.reporting import gallery, sources
from tests.support import image_files


class GalleryTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    self.lr = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    self.bicubic = upscaler.bicubic(self.lr)
    self.hr = np.clip(self.bicubic + 9.0, 0, 255).astype(np.uint8)

  def workdir(self, outputs) -> str:
    config = {"num_steps": 4}
    self.file("run/config.json", json.dumps(config).encode())
    self.file("run/metrics.jsonl", b'{"step": 1, "loss/pixel": 1}')
    for name, image in {"HR": self.hr, "LR": self.lr, **outputs}.items():
      images.write(self.folder / f"run/snapshots/{name}/Set/a.b.png", image)
    return str(self.folder / "run")

  def evaluated(self, methods, image="a.b") -> str:
    first, *others = methods
    scores = {"Set": {"images": {image: {"psnr_y": 20}}}}
    results = {
      "weights": first,
      "protocol": {"description": ""},
      "sets": scores,
      "others": {name: scores for name in others},
    }
    self.file("results/results.json", json.dumps(results).encode())
    return str(self.folder / "results")

  def test_versions(self):
    later = self.hr // 2
    folder = self.evaluated(["runs/x", "y"])
    places = ["images/x", "images/y"]
    for place, image in zip(places, (later, self.hr), strict=True):
      images.write(self.folder / "results" / place / "Set/a.b.png", image)
    found = sources.load(
      [self.workdir({"0": self.bicubic, "2": self.hr // 3, "4": later}), folder]
    )
    stages = gallery.stages(found)
    self.assertEqual(
      [(stage.caption, stage.is_middle) for stage in stages],
      [
        ("pre-trained, start of run", False),
        ("run, step 2", True),
        ("run, trained", False),
      ],
    )
    collection = gallery.Gallery(found, None)
    self.assertEqual(collection.keys, [("Set", "a.b")])
    # That of the pixels, which the page shows, not that of the results.
    key = ("Set", "a.b")
    self.assertEqual(collection.score(key, "y"), math.inf)
    self.assertEqual(
      collection.score(key, "bicubic"), collection.example(key).psnr["bicubic"]
    )
    self.assertTrue(math.isnan(collection.score(key, "gone")))
    example = collection.example(("Set", "a.b"))
    # Without those that have the same pixels as one before them.
    self.assertEqual(
      list(example.versions), ["bicubic", "run, step 2", "run, trained", "y"]
    )
    self.assertEqual(
      collection.counterparts,
      {"pre-trained, start of run": "bicubic", "x": "run, trained"},
    )
    np.testing.assert_array_equal(example.versions["bicubic"], self.bicubic)
    np.testing.assert_array_equal(example.target, self.hr)
    self.assertEqual(example.psnr["y"], math.inf)

  def test_versions_are_dropped_in_all_images_or_in_none(self):
    rng = np.random.default_rng(2)
    base, other = rng.integers(1, 250, (2, 64, 64, 3), dtype=np.uint8)
    rounded = base.copy()
    rounded[3, 4, 0] += 1  # one value of 12,288, as by another order of sums
    near = base.copy()
    near[:9] += 1
    outputs = {
      "x": (base, other),
      "y": (base, base),  # as x in the first image only
      "z": (rounded, other),
      "near": (near, other),
    }
    scores = {
      "Set": {
        "images": {name: {"psnr_y": 20 + i} for i, name in enumerate("ab")}
      }
    }
    results = {
      **{"weights": "x", "protocol": {"description": ""}, "sets": scores},
      "others": dict.fromkeys(["y", "z", "near"], scores),
    }
    self.file("results/results.json", json.dumps(results).encode())
    for method, pixels in outputs.items():
      for name, image in zip("ab", pixels, strict=True):
        path = f"results/images/{method}/Set/{name}.png"
        images.write(self.folder / path, image)
    found = gallery.Gallery(sources.load([str(self.folder / "results")]), None)
    self.assertEqual(found.captions, ["x", "y", "near"])
    self.assertEqual(found.counterparts, {"z": "x"})
    for key in found.keys:
      self.assertEqual(list(found.example(key).versions), ["x", "y", "near"])
    # Without a target, as it was evaluated.
    self.assertEqual(found.score(("Set", "b"), "y"), 21)

  def test_one_weights_file_and_gray_with_a_folder_of_targets(self):
    rng = np.random.default_rng(1)
    hr = rng.integers(0, 256, (24, 28), dtype=np.uint8)
    sr = np.uint8(255) - hr
    images.write(self.folder / "sets/Set/HR/a.b.png", hr)
    folder = self.evaluated(["x"])
    images.write(self.folder / "results/images/Set/a.b.png", sr)
    found = sources.load([folder])
    key = ("Set", "a.b")
    example = gallery.Gallery(found, self.folder / "sets").example(key)
    self.assertEqual(list(example.versions), ["bicubic", "x"])
    self.assertEqual(example.target.shape, (24, 28, 3))
    # Of gray images the values are compared, as `evaluate` does.
    self.assertAlmostEqual(example.psnr["x"], quality.psnr(sr, hr, 4))
    # Without targets there is still something to look at.
    example = gallery.Gallery(found, None).example(key)
    self.assertEqual(list(example.versions), ["x"])
    self.assertIsNone(example.target)

  def test_files_elsewhere_are_not_read(self):
    folder = self.evaluated(["x"], image="../../../secret")
    images.write(self.folder / "secret.png", self.hr)
    (self.folder / "results/images/Set").mkdir(parents=True)
    self.assertEmpty(gallery.Gallery(sources.load([folder]), None).keys)

  @parameterized.parameters(
    ([3, 1, 2, 5, 4], 3, ([1, 2], [3])),
    ([3, 1, 2, 5, 4], 9, ([1, 2, 0], [3, 4])),
    ([math.nan, 1, 2], 3, ([1], [2])),
    ([], 3, ([], [])),
  )
  def test_worst_and_best(self, scores, count, expected):
    self.assertEqual(gallery.ranked(scores, count), expected)


if __name__ == "__main__":
  absltest.main()
