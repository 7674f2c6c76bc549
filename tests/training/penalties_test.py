"""Penalties on gradients against PyTorch, and how often they are taken."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from flax import linen as nn
from torch.nn import functional

from srfeat_jax.models import convolution
from srfeat_jax.training import penalties
from tests.support import parity


def _kernels() -> list[np.ndarray]:
  """Of two convolutions: the first has many outputs, see `convolution`."""
  rng = np.random.default_rng(0)
  shapes = (3, 3, 2, 256), (3, 3, 256, 1)
  return [np.float32(0.1 * rng.normal(size=shape)) for shape in shapes]


def _ours(kernels, x):
  """Logits, one per position."""
  x = nn.leaky_relu(convolution.convolve(x, kernels[0]), 0.2)
  return convolution.convolve(x, kernels[1])[..., 0]


def _their_norms(kernels, x):
  """Squared norms of the gradients of an image's mean logit."""
  x = parity.channels_first(x).requires_grad_()
  first, second = (kernel.permute(3, 2, 0, 1) for kernel in kernels)
  y = functional.leaky_relu(functional.conv2d(x, first, padding=1), 0.2)
  logits = functional.conv2d(y, second, padding=1)
  (gradient,) = torch.autograd.grad(
    logits.mean((1, 2, 3)).sum(), x, create_graph=True
  )
  return gradient.square().sum((1, 2, 3))


class PenaltyTest(parameterized.TestCase):
  @parameterized.parameters("r1", "gradient_penalty")
  def test_equals_torch(self, name):
    kernels = _kernels()
    real, fake = parity.images(2, 3, 5, 4, 2)
    share = parity.images(3, 1, 1, 1, seed=1)

    @jax.jit
    @jax.value_and_grad
    def ours(kernels):
      discriminator = functools.partial(_ours, kernels)
      if name == "r1":
        return penalties.r1(discriminator, real)
      return penalties.gradient_penalty(discriminator, real, fake, share)

    theirs = [torch.tensor(x, dtype=torch.float64) for x in kernels]
    theirs = [x.requires_grad_() for x in theirs]
    if name == "r1":
      expected = _their_norms(theirs, real).mean() / 2
    else:
      norms = _their_norms(theirs, share * real + (1 - share) * fake).sqrt()
      expected = ((norms - 1) ** 2).mean()
    expected.backward()
    value, gradients = ours(kernels)
    self.assertGreater(value, 1e-2)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-4)
    parity.assert_trees_close(gradients, [x.grad.numpy() for x in theirs])

  def test_lazy(self):
    values = [
      float(penalties.lazy(lambda: jnp.float32(2), 4, step))
      for step in range(8)
    ]
    self.assertEqual(values, [8, 0, 0, 0, 8, 0, 0, 0])
    self.assertEqual(penalties.lazy(lambda: 2.0, 1, 3), 2)


if __name__ == "__main__":
  absltest.main()
