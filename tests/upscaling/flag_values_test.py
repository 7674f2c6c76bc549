"""What people write for flags, and what it means."""

from absl.testing import absltest, parameterized

from srfeat_jax.upscaling import flag_values


class FlagValuesTest(parameterized.TestCase):
  @parameterized.parameters(
    ("2GiB", 2**31),
    ("500MB", 500_000_000),
    ("1.5g", 1_500_000_000),
    ("64 kib", 65536),
    ("2000000", 2_000_000),
    ("12B", 12),
  )
  def test_memory(self, text, expected):
    self.assertEqual(flag_values.Memory().parse(text), expected)

  @parameterized.parameters(
    ("2", "did you mean 2GiB?"),
    ("1.5", "did you mean 1.5GiB?"),
    ("512", "did you mean 512MiB?"),
    ("0GiB", "expected a number and KiB"),
    ("2giga", "expected a number and KiB"),
    ("-1GiB", "expected a number and KiB"),
  )
  def test_no_amount_of_memory(self, text, sentence):
    with self.assertRaisesRegex(ValueError, sentence.replace("?", r"\?")):
      flag_values.Memory().parse(text)

  @parameterized.parameters(
    *(("2", 2.0), ("2.5", 2.5), ("x2", 2.0), ("X2.5", 2.5), ("2x", 2.0)),
    (3.0, 3.0),
  )
  def test_scale_factors(self, text, expected):
    self.assertEqual(flag_values.Outscale().parse(text), expected)

  @parameterized.parameters("", "x", "two", "1920x1080", "200%", "2,5")
  def test_no_scale_factor(self, text):
    with self.assertRaisesRegex(ValueError, "such as 2 or 2.5"):
      flag_values.Outscale().parse(text)

  @parameterized.parameters(
    *(("jpeg", "jpeg"), ("jpg", "jpeg"), ("JPEG", "jpeg"), (".JPG", "jpeg")),
    *(("PNG", "png"), ("tif", "tiff"), ("webp", "webp"), ("Same", "same")),
  )
  def test_formats(self, text, expected):
    self.assertEqual(flag_values.Format().parse(text), expected)

  @parameterized.parameters(
    ("avif", "AVIF is read, but not written: expected one of same, png"),
    ("jp2", "JPEG2000 is read, but not written"),
    ("jpg,png", "expected one of same, png, jpeg"),
    ("", "expected one of same"),
  )
  def test_no_format(self, text, sentence):
    with self.assertRaisesRegex(ValueError, sentence):
      flag_values.Format().parse(text)

  @parameterized.parameters(("auto", None), ("64", 64), ("007", 7))
  def test_tiles(self, text, expected):
    self.assertEqual(flag_values.Tile().parse(text), expected)

  @parameterized.parameters("0", "-1", "2.5", "large")
  def test_no_tile(self, text):
    with self.assertRaisesRegex(ValueError, "auto, or a number above 0"):
      flag_values.Tile().parse(text)


if __name__ == "__main__":
  absltest.main()
