"""Resizing to sizes that only the run knows, against PyTorch and Pillow."""

import functools

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.ops import resample

_resample = jax.jit(resample.resample, static_argnames="new_canvas")


def _image(side: int) -> np.ndarray:
  return np.random.default_rng(side).random((side, side, 3)).astype(np.float32)


def _torch(image, new_side: int, mode: str) -> np.ndarray:
  x = torch.from_numpy(image).permute(2, 0, 1)[None]
  extra = {} if mode == "area" else {"align_corners": False}
  x = torch.nn.functional.interpolate(x, size=new_side, mode=mode, **extra)
  return x[0].permute(1, 2, 0).numpy()


class ResampleTest(parameterized.TestCase):
  @parameterized.product(kernel=("bilinear", "bicubic"), new_side=(13, 32, 45))
  def test_is_pytorchs(self, kernel, new_side):
    image = _image(32)
    result = _resample(image, 32, 48, new_side, resample.KERNELS.index(kernel))
    expected = _torch(image, new_side, kernel)
    # Bicubic weights at the very edge are normalized, not clamped.
    interior = slice(4, -4) if kernel == "bicubic" else slice(None)
    np.testing.assert_allclose(
      np.asarray(result)[:new_side, :new_side][interior, interior],
      expected[interior, interior],
      atol=5e-6,
    )

  @parameterized.parameters(8, 16, 32)
  def test_area_is_the_mean(self, new_side):
    image = _image(32)
    result = _resample(image, 32, 32, new_side, 0)
    np.testing.assert_allclose(
      np.asarray(result)[:new_side, :new_side],
      _torch(image, new_side, "area"),
      atol=1e-6,
    )

  @parameterized.parameters(9, 12, 31)
  def test_antialiased_is_pillows(self, new_side):
    image = _image(31)
    result = np.asarray(_resample(image, 31, 31, new_side, 3))
    for channel in range(3):
      expected = Image.fromarray(image[..., channel]).resize(
        (new_side, new_side), Image.Resampling.BICUBIC
      )
      np.testing.assert_allclose(
        result[:new_side, :new_side, channel], np.asarray(expected), atol=1e-4
      )

  @parameterized.parameters(*range(len(resample.KERNELS)))
  def test_the_same_side_changes_nothing(self, kernel):
    image = _image(20)
    result = _resample(image, 20, 24, 20, kernel)
    np.testing.assert_allclose(result[:20, :20], image, atol=1e-6)
    # Beyond it the last row and column are repeated.
    np.testing.assert_allclose(result[23, 23], image[19, 19], atol=1e-6)

  @parameterized.product(kernel=(0, 1, 2, 3), new_side=(1, 7, 40))
  def test_what_lies_beyond_the_image_does_not_count(self, kernel, new_side):
    canvas = _image(32)
    other = canvas.copy()
    other[20:], other[:, 20:] = 9, -9
    results = [
      _resample(each, 20, 40, new_side, kernel) for each in (canvas, other)
    ]
    np.testing.assert_array_equal(*results)

  def test_a_constant_stays(self):
    make = functools.partial(_resample, np.full((16, 16, 3), 0.3, np.float32))
    for kernel in range(len(resample.KERNELS)):
      np.testing.assert_allclose(make(16, 24, 11, kernel), 0.3, atol=1e-6)


if __name__ == "__main__":
  absltest.main()
