"""Images known again by their content, and others that are not."""

import io

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.data import benchmarks, fingerprints, synthetic
from srfeat_jax.image_io import images
from tests.support import image_files, paths

ALL_WAYS = [
  (turns, mirrored) for turns in range(4) for mirrored in (False, True)
]


def turned(image: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
  image = np.rot90(image, turns)
  return np.ascontiguousarray(image[:, ::-1] if mirrored else image)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
  data = image_files.encode(image, "JPEG", quality=quality)
  return np.array(Image.open(io.BytesIO(data)))


def resized(image: np.ndarray, factor: float) -> np.ndarray:
  height, width = (round(side * factor) for side in image.shape[:2])
  return np.array(
    Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
  )


CHANGES = {
  "recompressed": lambda image: jpeg(image, 30),
  "strongly recompressed": lambda image: jpeg(image, 10),
  "half": lambda image: resized(image, 0.5),
  "quarter": lambda image: resized(image, 0.25),
  "upscaled": lambda image: resized(image, 2),
  "quarter, recompressed": lambda image: jpeg(resized(image, 0.25), 30),
  "flipped, half, recompressed": lambda image: jpeg(
    resized(turned(image, 0, True), 0.5), 30
  ),
  "rotated": lambda image: turned(image, 1, False),
  "gray": lambda image: np.array(Image.fromarray(image).convert("L")),
  "multiple of 12 px": lambda image: image[
    : image.shape[0] // 12 * 12, : image.shape[1] // 12 * 12
  ],
}


class FingerprintsTest(image_files.FolderTestCase):
  def distance(self, fingerprint: np.ndarray, other: np.ndarray) -> int:
    ways = fingerprints.orientations(other)
    return int(fingerprints.distances(fingerprint[None], ways).min())

  def test_of_a_file_and_of_its_pixels(self):
    scene = synthetic.scene(3, 200)
    images.write(self.folder / "a.png", scene)
    ours = fingerprints.read(self.folder / "a.png")
    self.assertEqual(ours.shape, (fingerprints.BYTES,))
    np.testing.assert_array_equal(ours, fingerprints.of_image(scene))

  def test_orientation_of_a_file_is_applied(self):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene = synthetic.scene(3, 200)
    data = image_files.encode(scene, "PNG", exif=exif)
    ours = fingerprints.read(self.file("a.png", data))
    upright = images.read_rgb(self.folder / "a.png")
    others = np.stack(
      [fingerprints.of_image(each) for each in (upright, scene)]
    )
    bits = fingerprints.distances(ours[None], others)[0]
    self.assertLess(bits[0], 16)
    self.assertGreater(bits[1], 80)

  @parameterized.parameters(*ALL_WAYS)
  def test_all_orientations(self, turns, mirrored):
    scene = synthetic.scene(5, 256)[:, :200]
    ours = fingerprints.of_image(turned(scene, turns, mirrored))
    ways = fingerprints.orientations(fingerprints.of_image(scene))
    bits = fingerprints.distances(ours[None], ways)[0]
    self.assertLess(bits.min(), 16)
    self.assertEqual((bits < 60).sum(), 1)

  def test_unusual_images(self):
    for name, (data, _) in image_files.KINDS.items():
      with self.subTest(name):
        self.file(name, data)
        self.assertEqual(fingerprints.read(self.folder / name).shape, (32,))

  def test_nearest(self):
    rng = np.random.default_rng(0)
    theirs = rng.integers(0, 256, (5000, 32), np.uint8)
    ours = theirs[[4000, 3, 77]].copy()
    ours[1, 5] ^= 0b111
    indices, bits = fingerprints.nearest(np.repeat(ours, 400, 0), theirs)
    np.testing.assert_array_equal(indices[::400], [4000, 3, 77])
    np.testing.assert_array_equal(bits[::400], [0, 3, 0])
    indices, bits = fingerprints.nearest(fingerprints.stack([]), theirs)
    self.assertEqual((len(indices), len(bits)), (0, 0))

  def test_scenes_are_told_apart(self):
    prints = [fingerprints.of_image(synthetic.scene(i, 96)) for i in range(30)]
    for i, ours in enumerate(prints):
      for theirs in prints[:i]:
        bits = self.distance(ours, theirs)
        self.assertGreater(bits, fingerprints.LARGEST_DISTANCE)


@absltest.skipUnless(paths.DATA, paths.NO_DATA)
class RealImagesTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    folder = paths.DATA / "benchmarks"
    cls.images = [
      images.read_rgb(image.hr_path)
      for each in benchmarks.load(folder, ("Set5", "Set14", "BSD100"))
      for image in each.images
    ]
    cls.prints = np.stack([fingerprints.of_image(each) for each in cls.images])
    cls.ways = np.stack([fingerprints.orientations(p) for p in cls.prints])

  @parameterized.parameters(*CHANGES)
  def test_every_changed_image_is_known_again(self, name):
    change = CHANGES[name]
    for image, ways in zip(self.images, self.ways, strict=True):
      changed = fingerprints.of_image(np.ascontiguousarray(change(image)))
      bits = fingerprints.distances(changed[None], ways).min()
      self.assertLessEqual(bits, fingerprints.LARGEST_DISTANCE)

  def test_no_other_photograph_is_taken_for_one(self):
    """But BSDS500's 302003 is the woman of Set5, and a face is in two sets."""
    files = images.find(paths.DATA / "train" / "bsds400")
    ours = np.stack([fingerprints.read(path) for path in files])
    _, bits = fingerprints.nearest(
      ours, self.ways.reshape(-1, fingerprints.BYTES)
    )
    found = [
      path.stem
      for path, bit in zip(files, bits, strict=True)
      if bit <= fingerprints.LARGEST_DISTANCE
    ]
    self.assertEqual(found, ["302003"])
    same = 0
    for i in range(len(self.prints)):
      each = fingerprints.distances(
        self.prints[i][None], self.ways[:i].reshape(-1, fingerprints.BYTES)
      )
      same += (each <= fingerprints.LARGEST_DISTANCE).sum()
    self.assertEqual(same, 1)


if __name__ == "__main__":
  absltest.main()
