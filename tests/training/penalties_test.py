"""Penalties on gradients against PyTorch, and how often they are taken."""

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import models
from srfeat_jax.training import penalties
from tests.support import parity
from tests.support.torch_networks import torch_gan_models

_SIDE, _CHANNELS = 4, 5
_FIELDS = {"logits": "position", "features": 4, "symmetric_input": False}


def _pair():
  """A discriminator of positions, its parameters, and its peer."""
  torch.manual_seed(0)
  peer = torch_gan_models.SRGANDiscriminator(_SIDE, _CHANNELS, **_FIELDS)
  peer = peer.double()
  config = {"architecture": "srgan", **_FIELDS}
  return models.build_discriminator(config, _SIDE), _params(peer), peer


def _params(peer, value=lambda x: x.detach()):
  state = {name: value(x).numpy() for name, x in peer.named_parameters()}
  return torch_gan_models.to_variables(state, "srgan")["params"]


def _their_norms(peer, x):
  """Squared norms of the gradients of an image's mean logit."""
  x = parity.channels_first(x).requires_grad_()
  (gradient,) = torch.autograd.grad(
    peer(x).mean((1, 2, 3)).sum(), x, create_graph=True
  )
  return gradient.square().sum((1, 2, 3))


class PenaltyTest(parameterized.TestCase):
  @parameterized.parameters("r1", "gradient_penalty")
  def test_equals_torch(self, name):
    module, params, peer = _pair()
    real, fake = parity.images(2, 3, _SIDE, _SIDE, _CHANNELS)
    real, fake = 30 * real, 9 * fake  # so that norms are not all 0
    key = jax.random.key(1)

    @jax.jit
    @jax.value_and_grad
    def ours(params):
      def discriminator(x):
        return module.apply({"params": params}, x)

      if name == "r1":
        return penalties.r1(discriminator, real)
      return penalties.gradient_penalty(discriminator, real, fake, key)

    if name == "r1":
      expected = _their_norms(peer, real).mean() / 2
    else:
      share = np.asarray(jax.random.uniform(key, (3, 1, 1, 1)))
      norms = _their_norms(peer, share * real + (1 - share) * fake).sqrt()
      expected = ((norms - 1) ** 2).mean()
    expected.backward()
    value, gradients = ours(params)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-4)
    their = _params(
      peer, lambda x: torch.zeros_like(x) if x.grad is None else x.grad
    )
    parity.assert_trees_close(gradients, their)

  def test_of_many_outputs(self):
    # Their convolutions have a gradient of their own, see models/convolution.
    config = {"architecture": "srgan", **_FIELDS, "features": 32}
    module = models.build_discriminator(config, 2)
    x = parity.images(1, 2, 2, _CHANNELS)
    params = module.init(jax.random.key(0), x)["params"]

    @jax.jit
    def r1(params):
      return penalties.r1(lambda x: module.apply({"params": params}, x), x)

    direction = jax.tree.map(lambda p: 1e-3 * p, params)
    after, before = (
      r1(jax.tree.map(lambda p, d, s=sign: p + s * d, params, direction))
      for sign in (1, -1)
    )
    slope = sum(
      (g * d).sum()
      for g, d in zip(
        jax.tree.leaves(jax.jit(jax.grad(r1))(params)),
        jax.tree.leaves(direction),
        strict=True,
      )
    )
    np.testing.assert_allclose(slope, (after - before) / 2, rtol=2e-2)

  def test_lazy(self):
    values = [
      float(penalties.lazy(lambda: jax.numpy.float32(2), 4, step))
      for step in range(8)
    ]
    self.assertEqual(values, [8, 0, 0, 0, 8, 0, 0, 0])
    self.assertEqual(penalties.lazy(lambda: 2.0, 1, 3), 2)


if __name__ == "__main__":
  absltest.main()
