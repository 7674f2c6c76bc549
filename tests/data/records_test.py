"""The bytes of a record, there and back."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import records


def image(height: int, width: int) -> np.ndarray:
  rng = np.random.default_rng(height)
  return rng.integers(0, 256, (height, width, 3), np.uint8)


class RecordsTest(parameterized.TestCase):
  @parameterized.product(
    encoding=records.ENCODINGS, beside=((), ("lr",), ("lr", "teacher"))
  )
  def test_read_as_written(self, encoding, beside):
    sizes = {"hr": (12, 20), "lr": (3, 5), "teacher": (11, 20)}
    kept = {name: image(*sizes[name]) for name in ("hr", *beside)}
    about = {"file": "ä.png", "top": 3}
    record = records.Record(**{"lr": None, "about": about} | kept)
    received = records.decode(records.encode(record, encoding))
    self.assertEqual(received.about, about)
    for name in sizes:
      # None where there is none.
      np.testing.assert_array_equal(getattr(received, name), kept.get(name))

  def test_parts_of_larger_images(self):
    part = image(12, 20)[2:7, ::-1]
    data = records.encode(records.Record(part, None, {}), "raw")
    np.testing.assert_array_equal(records.decode(data).hr, part)

  @parameterized.parameters(0, 2, 40, 300)
  def test_cut_short(self, size):
    data = records.encode(records.Record(image(12, 20), None, {}), "raw")
    self.assertGreater(len(data), 300)
    with self.assertRaisesRegex(errors.InputError, "record is damaged"):
      records.decode(data[:size])

  def test_pixels_of_png_cut_short(self):
    data = records.encode(records.Record(image(12, 20), None, {}), "png")
    with self.assertRaisesRegex(errors.InputError, "record is damaged"):
      records.decode(data[:-100])


if __name__ == "__main__":
  absltest.main()
