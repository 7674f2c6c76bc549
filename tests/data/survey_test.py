"""What the headers of files say, and that they are read once."""

from unittest import mock

import numpy as np
from absl.testing import absltest

from srfeat_jax.data import survey
from srfeat_jax.image_io import images
from tests.support import image_files


def encoded(kind: str) -> bytes:
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
  return image_files.encode(pixels, kind)


class SurveyTest(image_files.FolderTestCase):
  def scan(self, *names: str, cache=None) -> list[survey.Header]:
    paths = [self.folder / name for name in names]
    return survey.scan(self.folder, paths, cache)

  def test_sizes(self):
    data = encoded("JPEG")
    self.file("whole.jpg", data)
    self.file("half.jpg", data[: len(data) // 2])
    whole, half = self.scan("whole.jpg", "half.jpg")
    self.assertEqual((whole.height, whole.width), (30, 40))
    self.assertEqual(whole.bytes, len(data))
    self.assertEqual(whole.problem, "")
    # Its pixels are another matter.
    self.assertEqual((half.height, half.width, half.problem), (30, 40, ""))

  def test_unreadable(self):
    self.file("a.png")
    self.file("b.png", b"a letter")
    a, b, c = self.scan("a.png", "b.png", "c.png")
    self.assertStartsWith(a.problem, "is empty")
    self.assertIn("not a readable", b.problem)
    self.assertIn("No such file", c.problem)

  def test_read_once_until_a_file_changes(self):
    self.file("a.png", encoded("PNG"))
    self.file("b.png", b"a letter")
    cache = self.folder / "headers.json"
    first = self.scan("a.png", "b.png", cache=cache)
    with mock.patch.object(images, "size", wraps=images.size) as size:
      self.assertEqual(self.scan("a.png", "b.png", cache=cache), first)
      # What was wrong may have been put right, as by chmod.
      size.assert_called_once_with(self.folder / "b.png")
    self.file("b.png", encoded("BMP"))
    again = self.scan("a.png", "b.png", cache=cache)
    self.assertEqual(again[0], first[0])
    self.assertEqual(again[1].width, 40)


if __name__ == "__main__":
  absltest.main()
