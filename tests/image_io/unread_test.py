"""What is said about files that are not read."""

from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.image_io import formats, heif, unread


class UnreadTest(parameterized.TestCase):
  @parameterized.parameters(
    ("a/b.CR2", "RAW file"),
    ("b.svg", "drawing or document"),
    ("b.MOV", "video"),
    ("b.psd", "project of an image editor"),
    ("b.jfif", "JPEG of another name"),
    ("b.jxl", "image of another format"),
    ("b.jpg", None),
    ("b.avif", None),
    ("notes.txt", None),
    ("b", None),
  )
  def test_kinds(self, path, expected):
    kind = unread.kind_of(path)
    self.assertEqual(kind and kind.name, expected)

  def test_heic_is_one_only_without_what_reads_it(self):
    expected = None if heif.AVAILABLE else unread.HEIC
    self.assertEqual(unread.kind_of("a.HEIC"), expected)

  def test_no_extension_is_of_two_kinds_or_read(self):
    extensions = [each for kind in unread.KINDS for each in kind.extensions]
    self.assertLen(set(extensions), len(extensions))
    for kind in unread.KINDS:
      if kind != unread.HEIC:
        self.assertNoCommonElements(kind.extensions, formats.READ_EXTENSIONS)

  def test_formats_that_pillow_has_and_people_have(self):
    for extension in (".ico", ".tga", ".psd", ".pcx", ".jfif", ".eps", ".dds"):
      self.assertIn(extension, Image.registered_extensions())
      self.assertIsNotNone(unread.kind_of(f"a{extension}"))

  def test_by_kind_and_number_with_what_to_do(self):
    paths = ["a.nef", "b.CR2", "c.NEF", "x/d.svg", "notes.txt", "e.jfif"]
    self.assertEqual(
      unread.sentences([*paths, "a.nef"]),
      [
        "left out: 1 JPEG of another name (.jfif); rename them to .jpg",
        "left out: 3 RAW files (.cr2, .nef); develop them to TIFF or JPEG in a"
        " raw converter, such as darktable",
        "left out: 1 drawing or document (.svg); they have no pixels of their"
        " own: export them as PNG in the size that you want",
      ],
    )
    (sentence,) = unread.sentences(["a.svg", "a.pdf"])
    self.assertIn("2 drawings or documents (.pdf, .svg)", sentence)
    (sentence,) = unread.sentences(["a.ico", "b.ico"])
    self.assertIn("2 images of another format (.ico)", sentence)
    self.assertEmpty(unread.sentences(["notes.txt"]))


if __name__ == "__main__":
  absltest.main()
