"""The table of formats against what Pillow can do with each of them."""

import io

from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import formats, heif

_ALL = [(key,) for key in formats.FORMATS if key != "heif" or heif.AVAILABLE]


class FormatsTest(parameterized.TestCase):
  @parameterized.parameters(*_ALL)
  def test_pillow_knows_the_name_by_its_extensions(self, key):
    form = formats.FORMATS[key]
    known = Image.registered_extensions()
    for extension in form.extensions:
      self.assertEqual(known[extension], form.name)
    self.assertIn(form.name, Image.OPEN)

  @parameterized.parameters(*_ALL)
  def test_what_is_plain_is_written_by_its_options(self, key):
    form = formats.FORMATS[key]
    if form.plain is None:
      self.assertNotIn(form.name, formats.PLAIN)
      return
    self.assertGreater(form.side, 0)
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, form.name, **form.plain)
    with Image.open(buffer, formats=formats.PLAIN) as image:
      self.assertEqual((image.format, image.size), (form.name, (3, 2)))

  def test_no_extension_is_of_two(self):
    extensions = [
      e for form in formats.FORMATS.values() for e in form.extensions
    ]
    self.assertLen(set(extensions), len(extensions))

  def test_data_are_no_animations(self):
    self.assertContainsSubset(
      formats.PLAIN_EXTENSIONS, formats.WRITE_EXTENSIONS
    )
    self.assertNoCommonElements(formats.PLAIN_EXTENSIONS, (".apng", ".gif"))

  def test_what_is_read_alone_cannot_be_written(self):
    self.assertEqual(formats.format_of("a/B.JPG").name, "JPEG")
    for path in ("a.avif", "a.jp2", "a.ppm", "a.txt", "a"):
      with self.assertRaisesRegex(errors.InputError, rf"{path} .*\.png"):
        formats.format_of(path)


if __name__ == "__main__":
  absltest.main()
