"""What is said about a batch of images while it is upscaled."""

import io

from absl.testing import absltest, parameterized

from srfeat_jax.upscaling import progress


class ProgressTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.now = 100.0

  def make(self, stream: io.StringIO, pixels: int, images: int):
    return progress.Progress(pixels, images, stream, lambda: self.now)

  def test_a_line_now_and_then_where_there_is_no_terminal(self):
    stream = io.StringIO()
    told = self.make(stream, 1000, 4)
    for _ in range(10):
      self.now += 7
      told.update(50)
    told.image_done()
    self.now += 50
    told.update(100)
    told.close()
    self.assertEqual(
      stream.getvalue(),
      "0 of 4 images, 25% of the pixels, about 1 min 45 s left\n"
      "0 of 4 images, 50% of the pixels, about 1 min 10 s left\n"
      "1 of 4 images, 60% of the pixels, about 1 min 20 s left\n",
    )

  def test_a_bar_on_a_terminal(self):
    stream = io.StringIO()
    stream.isatty = lambda: True
    told = self.make(stream, 1000, 4)
    self.now += 600
    told.update(500)
    told.close()
    self.assertIn("50%|", stream.getvalue())
    self.assertNotIn("images", stream.getvalue())

  def test_seconds_of_each_image_and_of_all(self):
    told = self.make(io.StringIO(), 10, 2)
    times = []
    for seconds in (3, 4):
      self.now += seconds
      times.append(told.image_done())
    self.assertEqual([*times, told.close()], [3, 4, 7])

  def test_images_whose_size_is_not_known(self):
    stream = io.StringIO()
    told = self.make(stream, 0, 1)
    self.now += 100
    told.update(0)
    told.update(5)
    self.assertEqual(told.pixels, 5)

  @parameterized.parameters(
    *((0.04, "0.0 s"), (9.94, "9.9 s"), (29.4, "29 s"), (59.6, "1 min 0 s")),
    *((125, "2 min 5 s"), (3599.7, "1 h 0 min"), (3790, "1 h 3 min")),
  )
  def test_durations(self, seconds, expected):
    self.assertEqual(progress.duration(seconds), expected)

  @parameterized.parameters(
    ((9, 29, 1, 0), "9 images in 29 s, 3.2 s per image, 1 failed (see above)"),
    ((1, 2, 0, 3), "1 image in 2.0 s, 3 kept"),
    ((0, 5, 2, 0), "no image was upscaled, 2 failed (see above)"),
  )
  def test_summary(self, numbers, expected):
    self.assertEqual(progress.summary(*numbers), expected)


if __name__ == "__main__":
  absltest.main()
