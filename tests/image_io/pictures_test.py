"""Image files of all kinds, compared with the table in the documentation."""

import io

from absl.testing import absltest, parameterized
from PIL import ImageCms

from tests.support import input_kinds, paths


class KindsTest(parameterized.TestCase):
  def test_the_documented_table_is_what_comes_out(self):
    document = paths.REPOSITORY / "docs" / "input_kinds.md"
    self.assertGreater(len(input_kinds.KINDS), 50)
    self.assertEqual(document.read_text(), input_kinds.table())

  def test_srgb_of_the_test_profile_is_read_by_others(self):
    profile = io.BytesIO(input_kinds.cmyk_profile())
    opened = ImageCms.ImageCmsProfile(profile)
    self.assertEqual(opened.profile.xcolor_space.strip(), "CMYK")


if __name__ == "__main__":
  absltest.main()
