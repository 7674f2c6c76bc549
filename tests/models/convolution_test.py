"""Convolutions that are computed in ways of our own equal the plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.models import convolution
from srfeat_jax.ops import pixels


def _plain(x, kernel, stride=1):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    "SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )


def _assert_alike(ours, plain, x_shape, kernel_shape):
  """Both have the same results, and the same gradients of their sum."""
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], x_shape)
  kernel = jax.random.normal(keys[1], kernel_shape)
  shape = jax.eval_shape(plain, x, kernel).shape
  direction = jax.random.normal(keys[2], shape)

  def results(convolve):
    def total(x, kernel):
      y = convolve(x, kernel)
      return jnp.sum(y * direction), y

    return jax.jit(jax.grad(total, (0, 1), has_aux=True))(x, kernel)

  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
    results(ours),
    results(plain),
  )


class ConvolutionTest(parameterized.TestCase):
  @parameterized.parameters(
    (2, 7, 5, 3, 256),
    (1, 1, 1, 4, 256),
    (3, 2, 9, 2, 300),
    (2, 7, 5, 3, 8),
  )
  def test_many_outputs(self, b, h, w, c, f):
    _assert_alike(convolution.convolve, _plain, (b, h, w, c), (3, 3, c, f))

  @parameterized.parameters(1, 3, 5, 7, 9)
  def test_few_outputs_of_three_channels(self, size):
    kernel = (size, size, 3, 8)
    _assert_alike(convolution.convolve, _plain, (2, 7, 5, 3), kernel)

  @parameterized.parameters((1, 7, 5), (3, 7, 5), (5, 4, 1), (9, 2, 3))
  def test_of_a_shuffled_map(self, size, height, width):
    def plain(x, kernel):
      return _plain(pixels.pixel_shuffle(x, 2), kernel)

    x, kernel = (2, height, width, 12), (size, size, 3, 2)
    _assert_alike(convolution.convolve_shuffled, plain, x, kernel)

  @parameterized.parameters(1, 3, 5)
  def test_of_a_fixed_kernel_only_the_input_has_a_gradient(self, size):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, 4, 5, 3))
    kernel = jax.random.normal(keys[1], (size, size, 3, 6))
    direction = jax.random.normal(keys[2], (2, 4, 5, 6))
    turned = convolution.turned(kernel)
    expected, plain = jax.vjp(_plain, x, kernel)
    y, pullback = jax.vjp(convolution.convolve_fixed, x, kernel, turned)
    np.testing.assert_array_equal(y, expected)
    of_x, *others = pullback(direction)
    np.testing.assert_allclose(of_x, plain(direction)[0], rtol=1e-5, atol=1e-5)
    for each in others:
      self.assertFalse(each.any())

  def test_the_gradient_has_the_kernels_dtype(self):
    x = jnp.ones((1, 4, 4, 2), jnp.bfloat16)
    kernel = jnp.ones((3, 3, 2, 256), jnp.bfloat16)
    gradient = jax.grad(lambda k: jnp.sum(convolution.convolve(x, k)))(kernel)
    self.assertEqual(gradient.dtype, jnp.bfloat16)
    np.testing.assert_array_equal(
      gradient[..., 0, 0], [[9, 12, 9], [12, 16, 12], [9, 12, 9]]
    )


if __name__ == "__main__":
  absltest.main()
