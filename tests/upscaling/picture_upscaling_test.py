"""Whole images: all frames, transparency, any scale."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.image_io import pictures
from srfeat_jax.inference import upscaler
from srfeat_jax.upscaling import picture_upscaling
from tests.support import programs


class UpscalingTest(parameterized.TestCase):
  @parameterized.parameters(np.uint8, np.uint16)
  def test_no_fringe_around_what_is_seen(self, dtype):
    """A disc of one color over hidden pixels of another keeps its color."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[:21, :24]
    disc = (y - 10) ** 2 + (x - 11) ** 2 < 40
    alpha = (disc * top).astype(dtype)
    color = np.where(disc[..., None], [top, top // 2, 0], [0, 0, top])
    picture = pictures.Picture([color.astype(dtype)], [alpha])
    sr = picture_upscaling.upscale(picture, upscaler.bicubic, 4)
    seen = sr.alphas[0] > 0
    self.assertTrue((sr.frames[0][seen] == [top, top // 2, 0]).all())
    # No haze: what is far from the edge is wholly there or not at all.
    inner, outer = (y - 10) ** 2 + (x - 11) ** 2 < 16, ~disc
    for distance in (1, -1):
      outer &= ~np.roll(disc, distance, 0) & ~np.roll(disc, distance, 1)
      outer &= ~np.roll(disc, 2 * distance, 0) & ~np.roll(disc, 2 * distance, 1)
      outer &= ~np.roll(np.roll(disc, 1, 0), distance, 1)
      outer &= ~np.roll(np.roll(disc, -1, 0), distance, 1)
    big = np.ones((4, 4), bool)
    self.assertTrue((sr.alphas[0][np.kron(inner, big)] == top).all())
    self.assertTrue((sr.alphas[0][np.kron(outer, big)] == 0).all())

  def test_progress_counts_all_frames(self):
    told = []
    frames = [programs.image(5, 6, 3, seed=seed) for seed in range(3)]
    picture = pictures.Picture(frames, durations=[1, 2, 3])
    sr = picture_upscaling.upscale(
      picture, upscaler.bicubic, 4, 1.5, told.append
    )
    self.assertEqual(sum(told), 90)
    self.assertEqual(sr.size, (8, 9))
    self.assertEqual(sr.size, picture_upscaling.upscaled_size(5, 6, 1.5))
    self.assertEqual(sr.durations, [1, 2, 3])


if __name__ == "__main__":
  absltest.main()
