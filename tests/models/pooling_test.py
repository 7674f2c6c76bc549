"""Max-pooling and its gradient, against PyTorch's and flax's."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax.models import pooling


def _ours(x, gradient, padding):
  y, pullback = jax.vjp(lambda x: pooling.max_pool(x, padding), x)
  return y, pullback(gradient)[0]


class MaxPoolTest(parameterized.TestCase):
  # Of few different values, so that most blocks have several largest ones.
  @parameterized.product(
    shape=((2, 6, 4, 3), (1, 5, 7, 2), (1, 1, 3, 1)), padding=("SAME", "VALID")
  )
  def test_as_torch_and_flax(self, shape, padding):
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 2, shape).astype(np.float32)
    if padding == "VALID" and 1 in shape[1:3]:
      self.assertEqual(pooling.max_pool(x).shape, (1, 0, 1, 1))
      return

    def flax(x):
      return nn.max_pool(x, (2, 2), (2, 2), padding)

    expected, pullback = jax.vjp(flax, x)
    gradient = rng.normal(size=expected.shape).astype(np.float32)
    ours = _ours(x, gradient, padding)
    np.testing.assert_array_equal(ours[0], expected)
    np.testing.assert_array_equal(ours[1], pullback(gradient)[0])

    image = torch.from_numpy(x.transpose(0, 3, 1, 2)).requires_grad_()
    theirs = torch.nn.functional.max_pool2d(
      image, 2, ceil_mode=padding == "SAME"
    )
    theirs.backward(torch.from_numpy(gradient.transpose(0, 3, 1, 2)))
    for mine, other in zip(ours, (theirs, image.grad), strict=True):
      other = other.detach().numpy().transpose(0, 2, 3, 1)
      np.testing.assert_array_equal(mine, other)

  def test_nothing_is_scattered(self):
    x = jnp.ones((1, 4, 4, 1))
    gradient = jax.grad(lambda x: pooling.max_pool(x).sum())
    text = jax.jit(gradient).lower(x).as_text()
    self.assertNotIn("scatter", text)
    self.assertNotIn("reduce_window", text)

  def test_keeps_the_dtype_and_what_is_not_a_number(self):
    x = jnp.array([[1, jnp.nan], [0, 2]], jnp.bfloat16)[None, :, :, None]
    y = pooling.max_pool(x)
    self.assertEqual(y.dtype, jnp.bfloat16)
    self.assertTrue(jnp.isnan(y).all())


if __name__ == "__main__":
  absltest.main()
