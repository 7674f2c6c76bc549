"""What is found in training images before a run begins."""

import os
from unittest import mock

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.data import benchmarks, fingerprints, inspection, synthetic
from srfeat_jax.image_io import images
from srfeat_jax.preparation import planning, recipes, sets
from tests.support import image_files, paths


class InspectionTestCase(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.photos = self.folder / "photos"
    for i in range(4):
      images.write(self.photos / f"{i}.png", synthetic.scene(i, 64))

  def inspect(self, location=None, min_size=16, sets=()):
    known = inspection.known_images(sets)
    return inspection.inspect(str(location or self.photos), min_size, known)

  def benchmark_sets(self):
    """One set with two images, as a folder."""
    for i in (50, 51):
      images.write(
        self.folder / "sets" / "Mine" / "HR" / f"{i}.png",
        synthetic.scene(i, 128),
      )
    return benchmarks.load(self.folder / "sets")

  def prepare(self):
    output = self.folder / "set"
    sets.prepare(
      planning.Request(
        folders=[str(self.photos)],
        output=str(output),
        preset="folder",
        recipe=recipes.Whole(1),
        max_damaged=1,
        processes=1,
      )
    )
    return output


class FolderTest(InspectionTestCase):
  def test_nothing_is_wrong(self):
    findings = self.inspect()
    self.assertEqual(findings.total, 4)
    self.assertEmpty(findings.sentences())
    findings.check_damage(0, "")

  def test_each_kind(self):
    whole = (self.photos / "0.png").read_bytes()
    self.file("photos/a_copy.png", whole)
    self.file("photos/empty.png")
    self.file("photos/half.png", whole[: len(whole) // 2])
    photo = image_files.encode(synthetic.scene(9, 200), "JPEG")
    self.file("photos/half.jpg", photo[: len(photo) * 2 // 3])
    images.write(self.photos / "small.png", synthetic.scene(9, 16)[:15])
    findings = self.inspect()
    self.assertEqual(findings.total, 9)
    self.assertLen(findings.damaged, 3)
    for line, name in zip(
      findings.damaged, ("empty.png", "half.jpg", "half.png"), strict=True
    ):
      self.assertStartsWith(line, name)
    self.assertIn("truncated", findings.damaged[1])
    self.assertEqual(list(findings.too_small), ["small.png is 16x15"])
    self.assertEqual(
      list(findings.duplicates), ["a_copy.png is the same as 0.png"]
    )
    text = "\n".join(findings.sentences())
    self.assertIn("1 of 9 files are duplicates", text)
    self.assertIn(f"{self.photos}: half.jpg is damaged or truncated", text)

  def test_more_damaged_than_accepted(self):
    self.file("photos/empty.png")
    findings = self.inspect()
    findings.check_damage(0.2, "")
    with self.assertRaisesRegex(
      errors.InputError,
      r"1 of 5 files in .*photos are damaged \(empty.png is .*1.00%.*or try",
    ):
      findings.check_damage(0.01, "or try")

  def test_many_are_counted(self):
    for i in range(30):
      self.file(f"photos/empty{i:02}.png")
    lines = self.inspect().sentences()
    self.assertLen(lines, 21)
    self.assertIn("30 of 34 files are damaged; the first 20", lines[-1])

  def test_benchmark_images(self):
    sets_ = self.benchmark_sets()
    scene = synthetic.scene(51, 128)
    images.write(self.photos / "flipped.jpg", scene[::2, ::-2])
    findings = self.inspect(sets=sets_)
    (line,) = findings.benchmark_images
    self.assertStartsWith(line, "flipped.jpg is Mine/51 (")
    self.assertIn("scores will be too good", findings.sentences()[-1])
    self.assertEmpty(self.inspect().benchmark_images)

  def test_scenes_held_out_have_no_files(self):
    known = inspection.known_images(benchmarks.load("synthetic"))
    self.assertEqual(known.names, inspection.known_images().names)

  def test_large_folders_are_decoded_once(self):
    home = {"XDG_CACHE_HOME": str(self.folder / "cache")}
    for i in range(1000):
      os.link(self.photos / "0.png", self.photos / f"x{i}.png")
    self.file("photos/empty.png")
    with mock.patch.dict(os.environ, home):
      first = self.inspect()
      self.assertLen(first.duplicates, 1000)
      with mock.patch.object(fingerprints, "read") as read:
        self.assertEqual(self.inspect(), first)
        read.assert_not_called()
      images.write(self.photos / "x7.png", synthetic.scene(7, 64))
      self.assertLen(self.inspect().duplicates, 999)

  def test_missing(self):
    with self.assertRaisesRegex(errors.InputError, "nowhere"):
      self.inspect(self.folder / "nowhere")


class SetTest(InspectionTestCase):
  def test_by_what_it_was_made_from(self):
    sets_ = self.benchmark_sets()
    images.write(self.photos / "known.png", synthetic.scene(50, 128)[::-1])
    self.file("photos/x_copy.png", (self.photos / "1.png").read_bytes())
    self.file("photos/empty.png")
    output = self.prepare()
    findings = self.inspect(output, 65, sets_)
    self.assertEqual(findings.total, 7)
    self.assertEmpty(findings.damaged)  # nothing of the set is
    self.assertLen(findings.too_small, 5)
    self.assertStartsWith(findings.benchmark_images[0], "known.png is Mine/50")
    self.assertLen(findings.benchmark_images, 1)
    self.assertEqual(
      list(findings.duplicates), ["x_copy.png is the same as 1.png"]
    )

  def test_shards_are_verified(self):
    output = self.prepare()
    self.assertEqual(inspection.verify_shards(output), 1)
    (shard,) = output.glob("*.array_record")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with self.assertRaisesRegex(errors.InputError, f"{shard.name} is damaged"):
      inspection.verify_shards(output)


@absltest.skipUnless(paths.DATA, paths.NO_DATA)
class PublishedSetsTest(absltest.TestCase):
  """Set5, Set14 and BSD100 are known where their files are not."""

  def test_fingerprints_are_those_of_the_files(self):
    folder = paths.DATA / "benchmarks"
    known = inspection.known_images()
    found = inspection.known_images(
      benchmarks.load(folder, ("Set5", "Set14", "BSD100"))
    )
    count = len(known.names)
    self.assertEqual(count, 5 + 14 + 100)
    self.assertEqual(found.names[count:], found.names[:count])
    np.testing.assert_array_equal(
      found.fingerprints[count:], found.fingerprints[:count]
    )

  def test_their_lr_images_are_found(self):
    folder = str(paths.DATA / "benchmarks" / "Set5" / "LRx4")
    findings = inspection.inspect(folder, 8, inspection.known_images())
    self.assertLen(findings.benchmark_images, 5)


if __name__ == "__main__":
  absltest.main()
