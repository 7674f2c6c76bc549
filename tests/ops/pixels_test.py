"""Tests of srfeat_jax.ops.pixels."""

import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch.nn import functional

from srfeat_jax.ops import pixels


def _levels(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


def _floats(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).normal(size=shape)


class PixelsTest(parameterized.TestCase):
  @parameterized.product(scale=(2, 3, 4), xp=(np, jnp))
  def test_crd_is_pytorchs_shuffle(self, scale, xp):
    x = _floats(2, 5, 3, 2 * scale**2).astype(np.float32)
    theirs = functional.pixel_shuffle(
      torch.from_numpy(x).permute(0, 3, 1, 2), scale
    )
    ours = pixels.pixel_shuffle(xp.asarray(x), scale, "CRD")
    np.testing.assert_array_equal(ours, theirs.permute(0, 2, 3, 1).numpy())

  @parameterized.product(scale=(2, 3, 4), xp=(np, jnp))
  def test_dcr_is_the_same_with_channels_fastest(self, scale, xp):
    x = _floats(2, 5, 3, 2 * scale**2).astype(np.float32)
    as_crd = x.reshape(2, 5, 3, scale**2, 2).swapaxes(-1, -2).reshape(x.shape)
    np.testing.assert_array_equal(
      pixels.pixel_shuffle(xp.asarray(x), scale),
      pixels.pixel_shuffle(as_crd, scale, "CRD"),
    )

  def test_dcr_by_hand(self):
    # TensorFlow's documented example of depth_to_space.
    x = np.arange(1, 13).reshape(1, 1, 1, 12)
    expected = [[[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]]
    self.assertEqual(pixels.pixel_shuffle(x, 2).tolist(), expected)

  @parameterized.product(
    order=("DCR", "CRD"), scale=(2, 3), batch=((), (2,), (2, 3)), xp=(np, jnp)
  )
  def test_unshuffle_is_the_inverse(self, order, scale, batch, xp):
    x = xp.asarray(_levels(*batch, 4, 5, 3 * scale**2))
    shuffled = pixels.pixel_shuffle(x, scale, order)
    self.assertEqual(shuffled.shape, (*batch, 4 * scale, 5 * scale, 3))
    np.testing.assert_array_equal(
      pixels.pixel_unshuffle(shuffled, scale, order), x
    )

  def test_bad_arguments(self):
    for function in (pixels.pixel_shuffle, pixels.pixel_unshuffle):
      with self.assertRaisesRegex(ValueError, '"RCD"'):
        function(_floats(4, 4, 4), 2, "RCD")
    with self.assertRaisesRegex(ValueError, "channels 6"):
      pixels.pixel_shuffle(_floats(4, 4, 6), 2)
    with self.assertRaisesRegex(ValueError, "height 3"):
      pixels.pixel_unshuffle(_floats(3, 4, 1), 2)
    with self.assertRaisesRegex(ValueError, "width 5"):
      pixels.pixel_unshuffle(_floats(4, 5, 1), 2)

  @parameterized.parameters(np, jnp)
  def test_to_uint8_clips_and_rounds_halves_up(self, xp):
    values = np.array([-1, 0, 0.49, 0.5, 1.5, 2.5, 254.5, 255, 300]) / 255
    levels = pixels.to_uint8(xp.asarray(values, xp.float32))
    self.assertEqual(levels.dtype, np.uint8)
    self.assertEqual(levels.tolist(), [0, 0, 0, 1, 2, 3, 255, 255, 255])

  @parameterized.parameters(np, jnp)
  def test_there_and_back(self, xp):
    levels = xp.arange(256, dtype=xp.uint8)
    floats = pixels.to_float(levels)
    self.assertEqual(floats.dtype, np.float32)
    self.assertEqual((float(floats[0]), float(floats[255])), (0, 1))
    np.testing.assert_array_equal(pixels.to_uint8(floats), levels)


if __name__ == "__main__":
  absltest.main()
