"""The weight gradient that CPUs compute their own way."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.models import convolution


def _plain(x, kernel, stride=1):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    "SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )


def _gradients(convolve, x, kernel, direction):
  def total(x, kernel):
    return jnp.sum(convolve(x, kernel) * direction)

  return jax.jit(jax.value_and_grad(total, argnums=(0, 1)))(x, kernel)


class ConvolutionTest(parameterized.TestCase):
  @parameterized.parameters(
    (2, 7, 5, 3, 256),
    (1, 1, 1, 4, 256),
    (3, 2, 9, 2, 300),
    (2, 7, 5, 3, 8),
  )
  def test_value_and_gradients_are_the_plain_ones(self, b, h, w, c, f):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (b, h, w, c))
    kernel = jax.random.normal(keys[1], (3, 3, c, f))
    direction = jax.random.normal(keys[2], (b, h, w, f))
    ours = _gradients(convolution.convolve, x, kernel, direction)
    plain = _gradients(_plain, x, kernel, direction)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)

  def test_cpus_do_it_by_products_and_others_by_convolution(self):
    x, kernel = jnp.ones((1, 6, 6, 2)), jnp.ones((3, 3, 2, 256))

    def loss(kernel):
      return jnp.sum(convolution.convolve(x, kernel))

    traced = jax.jit(jax.grad(loss)).trace(kernel)
    for platform, products in (("cpu", 9), ("cuda", 0), ("tpu", 0)):
      text = traced.lower(lowering_platforms=(platform,)).as_text()
      self.assertEqual(text.count("stablehlo.dot_general"), products, platform)

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
