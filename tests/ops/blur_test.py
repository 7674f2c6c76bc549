"""Blur kernels and blurring, against SciPy."""

import functools

import jax
import numpy as np
from absl.testing import absltest, parameterized
from scipy import ndimage, special

from srfeat_jax.ops import blur


def _offsets(size):
  return np.mgrid[:size, :size] - size // 2


class KernelsTest(parameterized.TestCase):
  @parameterized.parameters((0.5, 0.5, 0.0), (2.0, 2.0, 0.7), (3.0, 0.8, 0.4))
  def test_a_gaussian_is_the_density(self, sigma_x, sigma_y, angle):
    kernel = blur.gaussian(21, sigma_x, sigma_y, angle)
    y, x = _offsets(21)
    turn = np.array(
      [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    covariance = turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T
    inverse = np.linalg.inv(covariance)
    q = inverse[0, 0] * x**2 + 2 * inverse[0, 1] * x * y + inverse[1, 1] * y**2
    expected = np.exp(-q / 2)
    expected /= expected.sum()
    np.testing.assert_allclose(kernel, expected, atol=2e-6)

  @parameterized.product(beta=(0.5, 1.0, 2.0, 4.0), plateau=(False, True))
  def test_shapes_sum_to_one_and_fall_from_the_center(self, beta, plateau):
    kernel = np.asarray(blur.gaussian(15, 1.5, 1.5, 0.0, beta, plateau))
    self.assertAlmostEqual(kernel.sum(), 1, places=5)
    self.assertTrue(np.isfinite(kernel).all())
    self.assertTrue((np.diff(kernel[7, 7:]) <= 0).all())
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-7)

  def test_a_plateau_is_its_formula(self):
    kernel = np.asarray(blur.gaussian(9, 2.0, 2.0, 0.0, 1.5, True))
    y, x = _offsets(9)
    expected = 1 / (1 + ((x**2 + y**2) / 4) ** 1.5)
    np.testing.assert_allclose(kernel, expected / expected.sum(), rtol=1e-5)

  @parameterized.parameters(np.pi / 5, np.pi / 3, 2.0, np.pi)
  def test_sinc_is_its_formula(self, cutoff):
    kernel = np.asarray(blur.sinc(13, cutoff))
    y, x = _offsets(13)
    r = np.hypot(x, y)
    r[6, 6] = 1
    expected = cutoff * special.j1(cutoff * r) / (2 * np.pi * r)
    expected[6, 6] = cutoff**2 / (4 * np.pi)
    np.testing.assert_allclose(kernel, expected / expected.sum(), atol=1e-6)

  def test_bessel(self):
    x = np.linspace(0, 60, 7001)
    np.testing.assert_allclose(blur.bessel_j1(x), special.j1(x), atol=1e-6)

  def test_cropping_keeps_the_sum(self):
    whole = blur.gaussian(21, 3.0, 3.0, 0.0)
    kernel = np.asarray(jax.jit(blur.cropped)(whole, 7))
    self.assertAlmostEqual(kernel.sum(), 1, places=5)
    self.assertEqual(np.count_nonzero(kernel), 49)
    np.testing.assert_array_equal(blur.cropped(blur.identity(21), 7)[10, 10], 1)

  def test_an_even_side_is_refused(self):
    with self.assertRaisesRegex(ValueError, "odd side, got 8"):
      blur.identity(8)


class BlurTest(parameterized.TestCase):
  @parameterized.parameters((50, 40, 21), (24, 37, 7), (36, 36, 21))
  def test_is_correlation_with_mirrored_edges(self, height, width, size):
    rng = np.random.default_rng(0)
    image = rng.random((height, width, 3)).astype(np.float32)
    kernel = rng.random((size, size)).astype(np.float32)  # no symmetry
    kernel /= kernel.sum()
    expected = np.stack(
      [
        ndimage.correlate(image[..., c], kernel, mode="mirror")
        for c in range(3)
      ],
      axis=-1,
    )
    result = jax.jit(blur.blur)(image, kernel)
    np.testing.assert_allclose(result, expected, atol=2e-6)

  def test_the_identity_changes_nothing(self):
    image = np.random.default_rng(1).random((30, 30, 3)).astype(np.float32)
    result = blur.blur(image, blur.identity(21))
    np.testing.assert_allclose(result, image, atol=1e-6)

  def test_each_image_of_a_batch_has_its_own_kernel(self):
    images = np.random.default_rng(2).random((2, 16, 16, 3), np.float32)
    make = functools.partial(blur.gaussian, 7, angle=0.0)
    kernels = np.stack([make(0.3, 0.3), make(3.0, 3.0)])
    together = jax.vmap(blur.blur)(images, kernels)
    for image, kernel, result in zip(images, kernels, together, strict=True):
      np.testing.assert_allclose(result, blur.blur(image, kernel), atol=1e-6)
    self.assertLess(np.std(together[1]), np.std(together[0]) / 2)


if __name__ == "__main__":
  absltest.main()
