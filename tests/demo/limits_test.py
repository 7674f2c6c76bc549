"""What the page accepts, and what it says of it."""

from unittest import mock

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import free_memory
from srfeat_jax.demo import limits

PHOTO = (4000, 6000, 1)  # 24 megapixels


def free(amount: float | None):
  """Makes this much memory free."""
  return mock.patch.object(free_memory, "of_host", lambda: amount)


class LimitsTest(parameterized.TestCase):
  def test_a_photo_is_accepted(self):
    allowed = limits.Limits()
    allowed.check_size("a.jpg", *PHOTO)
    for amount in (4e9, None):
      with free(amount):
        allowed.check("a.jpg", *PHOTO, limits.Estimate(600, int(3.4e9)))

  def test_memory(self):
    with (
      free(3e9),
      self.assertRaisesRegex(
        errors.InputError,
        r"^a.jpg .*24.0 megapixels \(6000 x 4000\) need about 3.4 GB, and"
        r" 3.0 GB are free;.*--max_megapixels",
      ),
    ):
      limits.Limits().check("a.jpg", *PHOTO, limits.Estimate(1, int(3.4e9)))
    with free(3e9):  # the person's limit is theirs
      allowed = limits.Limits(max_megapixels=30)
      allowed.check("a.jpg", *PHOTO, limits.Estimate(1, int(3.4e9)))

  def test_megapixels(self):
    with self.assertRaisesRegex(
      errors.InputError,
      r"^a.gif .*48.0 megapixels \(2 x 6000 x 4000\), and the limit is 30;"
      ".*--max_megapixels",
    ):
      limits.Limits(30).check_size("a.gif", *PHOTO[:2], 2)

  def test_minutes(self):
    allowed = limits.Limits(max_minutes=60)
    with free(1e12):
      allowed.check("a.jpg", *PHOTO, limits.Estimate(3500, 1))
      with self.assertRaisesRegex(
        errors.InputError,
        "^a.jpg would take about 2 hours .*limit is 60 minutes;.*--max_minutes",
      ):
        allowed.check("a.jpg", *PHOTO, limits.Estimate(7200, 1))

  @parameterized.parameters(
    (4, 8e9, "Images of up to 4 megapixels are"),
    (0.5, None, "Images of up to 0.5 megapixels are"),
    (None, 8e9, "Images of up to 57 megapixels (8.0 GB of memory are free)"),
    (None, 100e9, "Images of up to 89 megapixels (100.0 GB"),
    (None, None, "Images of up to 89 megapixels are"),
  )
  def test_sentence(self, megapixels, amount, beginning):
    with free(amount):
      sentence = limits.Limits(megapixels, 30).sentence(4)
    self.assertStartsWith(sentence, beginning)
    self.assertIn("30 minutes", sentence)

  def test_estimate(self):
    sentence = limits.Estimate(600, 3_400_000_000).sentence
    self.assertIn("10 minutes", sentence)
    self.assertIn("3.4 GB", sentence)


if __name__ == "__main__":
  absltest.main()
