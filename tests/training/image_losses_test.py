"""Losses of images against PyTorch, TensorFlow, or by their equations."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch.nn import functional

from srfeat_jax import errors
from srfeat_jax.ops import quality
from srfeat_jax.training import image_losses


def images(*shape: int) -> tuple[np.ndarray, np.ndarray]:
  """Smooth noise as HR, and a noisier version of it as SR."""
  rng = np.random.default_rng(0)
  hr = rng.random(shape)
  for axis in (1, 2):
    hr = (hr + np.roll(hr, 1, axis) + np.roll(hr, 2, axis)) / 3
  noise = rng.normal(0, np.linspace(0.02, 0.3, shape[2])[:, None], shape)
  return np.float32(hr + noise), np.float32(hr)


def to_torch(image: np.ndarray, *, leaf: bool = False) -> torch.Tensor:
  """NCHW, in float64."""
  x = torch.tensor(np.moveaxis(image, -1, 1).copy(), dtype=torch.float64)
  return x.requires_grad_(leaf)


class ReferenceTest(parameterized.TestCase):
  """Values, and gradients at SR."""

  def check(self, ours, theirs, *images_):
    value, gradient = jax.jit(jax.value_and_grad(ours))(*images_)
    their_images = [to_torch(x, leaf=i == 0) for i, x in enumerate(images_)]
    expected = theirs(*their_images)
    expected.backward()
    self.assertEqual((value.shape, value.dtype), ((), np.float32))
    self.assertGreater(value, 1e-4)
    np.testing.assert_allclose(value, expected.item(), rtol=2e-5)
    their_gradient = np.moveaxis(their_images[0].grad.numpy(), 1, -1)
    np.testing.assert_allclose(
      gradient, their_gradient, rtol=0, atol=1e-4 * np.abs(their_gradient).max()
    )

  def test_fft(self):
    def theirs(sr, hr):
      parts = [
        torch.view_as_real(torch.fft.fft2(x, dim=(-2, -1))) for x in (sr, hr)
      ]
      return functional.l1_loss(*parts)

    self.check(image_losses.fft, theirs, *images(2, 12, 16, 3))

  def test_ldl(self):
    def local_variance(x):
      x = functional.pad(x, [3] * 4, mode="reflect")
      return x.unfold(2, 7, 1).unfold(3, 7, 1).var(dim=(-1, -2))

    def theirs(sr, hr, ema_sr):
      residual = (hr - sr).abs().sum(1, keepdim=True)
      of_ema = (hr - ema_sr).abs().sum(1, keepdim=True)
      weight = residual.var(dim=(-1, -2, -3), keepdim=True) ** 0.2
      weight = weight * local_variance(residual)
      weight = torch.where(residual < of_ema, 0, weight)
      return functional.l1_loss(weight * sr, weight * hr)

    sr, hr = images(2, 16, 20, 3)
    ema_sr = np.float32(hr + 0.8 * np.roll(sr - hr, 3, 1))
    self.check(image_losses.ldl, theirs, sr, hr, ema_sr)

  def test_ldl_is_zero_where_the_average_is_worse(self):
    sr, hr = images(1, 16, 16, 3)
    self.assertEqual(image_losses.ldl(sr, hr, hr + 2 * (sr - hr)), 0)
    gradient = jax.grad(image_losses.ldl)(hr, hr, hr)
    self.assertTrue(np.isfinite(gradient).all())

  @parameterized.parameters(22, 48)
  def test_ms_ssim(self, side):
    line = torch.arange(-5, 6, dtype=torch.float64)
    line = torch.exp(-(line**2) / 4.5)
    window = torch.outer(line, line) / line.sum() ** 2

    def mean(x):
      kernel = window.expand(3, 1, 11, 11)
      return functional.conv2d(x, kernel, groups=3)

    def theirs(sr, hr):
      exponents = (0.0448, 0.2856, 0.3001)[: 2 if side == 22 else 3]
      product = 1
      for i, exponent in enumerate(exponents):
        a, b = mean(sr), mean(hr)
        covariance = mean(sr * hr) - a * b
        variances = mean(sr**2) - a**2 + mean(hr**2) - b**2
        similarity = (2 * covariance + 9e-4) / (variances + 9e-4)
        if i == len(exponents) - 1:
          similarity = similarity * (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4)
        power = similarity.mean((2, 3)) ** (exponent / sum(exponents))
        product = product * power
        sr, hr = functional.avg_pool2d(sr, 2), functional.avg_pool2d(hr, 2)
      return 1 - product.mean()

    self.check(image_losses.ms_ssim, theirs, *images(2, side, side, 3))

  def test_ms_ssim_of_one_scale_is_ssim(self):
    sr, hr = images(1, 21, 18, 3)
    expected = 1 - quality.ssim(255 * sr[0], 255 * hr[0])
    np.testing.assert_allclose(
      image_losses.ms_ssim(sr, hr), expected, rtol=1e-4
    )

  def test_ms_ssim_of_five_scales_is_tensorflow_s(self):
    try:
      import tensorflow as tf
    except ImportError as error:
      self.skipTest(f"TensorFlow is missing: {error}")
    sr, hr = images(2, 176, 192, 3)
    expected = 1 - tf.image.ssim_multiscale(sr, hr, max_val=1.0).numpy().mean()
    np.testing.assert_allclose(
      image_losses.ms_ssim(sr, hr), expected, rtol=1e-4
    )

  def test_ms_ssim_of_unlike_and_of_small_images(self):
    sr, hr = images(1, 22, 22, 3)
    value, gradient = jax.value_and_grad(image_losses.ms_ssim)(1 - hr, hr)
    self.assertBetween(value, 0.5, 1)
    self.assertTrue(np.isfinite(gradient).all())
    with self.assertRaisesRegex(
      errors.InputError, "needs crops of 11 px, and these have 8: set config.cr"
    ):
      image_losses.ms_ssim(sr[:, :8], hr[:, :8])


class CheckerboardTest(absltest.TestCase):
  def test_uneven_phases_count_and_detail_does_not(self):
    rng = np.random.default_rng(0)
    hr = rng.random((2, 64, 96, 3), np.float32)
    self.assertEqual(image_losses.phase(hr, hr, 4), 0)
    softer = 0.5 + 0.3 * (hr - 0.5)  # smaller steps, as small at every phase
    self.assertLess(image_losses.phase(softer, hr, 4), 1e-4)
    # A column of each LR pixel whose contrast, and so its steps, is doubled.
    columns = np.where(np.arange(96) % 4 == 0, 2, 1)[:, None]
    uneven = (hr - 0.5) * columns
    self.assertGreater(image_losses.phase(uneven, hr, 4), 0.02)
    gradient = jax.grad(image_losses.phase)(np.zeros_like(hr), hr, 4)
    self.assertTrue(np.isfinite(gradient).all())

  def test_a_checkerboard_counts_and_detail_does_not(self):
    rng = np.random.default_rng(0)
    hr = rng.random((2, 64, 96, 3)).astype(np.float32)
    grid = rng.normal(0, 0.02, (4, 4, 3)).astype(np.float32)
    found = image_losses.checkerboard(hr + np.tile(grid, (16, 24, 1)), hr, 4)
    np.testing.assert_allclose(found, np.abs(grid).mean(), rtol=1e-3)
    detail = rng.normal(0, 0.02, hr.shape).astype(np.float32)
    expected = 0.02 * np.sqrt(2 / np.pi) / 8  # of a mean of 64
    found = image_losses.checkerboard(hr + detail, hr, 4)
    np.testing.assert_allclose(found, expected, rtol=0.1)

  def test_images_smaller_than_a_window(self):
    hr = jnp.zeros((1, 8, 12, 3))
    np.testing.assert_allclose(
      image_losses.checkerboard(hr + 0.5, hr, 4), 0.5, rtol=1e-6
    )


class PixelLossTest(parameterized.TestCase):
  @parameterized.product(
    kind=("mse", "l1", "charbonnier"), dtype=(jnp.float32, jnp.bfloat16)
  )
  def test_equals_torch(self, kind, dtype):
    rng = np.random.default_rng(0)
    sr = jnp.asarray(rng.normal(0.5, 0.5, (3, 5, 7, 3)), dtype)
    hr = rng.random((3, 5, 7, 3), np.float32)
    function = {
      "mse": functional.mse_loss,
      "l1": functional.l1_loss,
      "charbonnier": lambda a, b: ((a - b) ** 2 + 1e-6).sqrt().mean(),
    }[kind]
    theirs = function(torch.tensor(np.float32(sr)), torch.tensor(hr))
    ours = image_losses.pixel(sr, hr, kind)
    self.assertEqual(ours.dtype, jnp.float32)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)

  def test_unknown_kind(self):
    x = jnp.zeros((1, 2, 2, 3))
    with self.assertRaisesRegex(errors.InputError, 'pixel is "l2": .*"mse"'):
      image_losses.pixel(x, x, "l2")


if __name__ == "__main__":
  absltest.main()
