"""The U-Net discriminator and its spectral normalization against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.models import spectral_norm
from tests.support import parity
from tests.support.torch_networks import torch_gan_models


def build(**fields):
  config = {"architecture": "unet", "features": 4, **fields}
  return models.build_discriminator(config, 16)


def peer_and_variables(**fields):
  """The torch network, in float64, and our variables of the same values."""
  torch.manual_seed(0)
  peer = torch_gan_models.UNetDiscriminator(features=4, **fields).double()
  return peer, {
    "params": params(peer, lambda x: x.detach()),
    "batch_stats": torch_gan_models.spectral_vectors(peer),
  }


def params(peer, value):
  """What the function takes from torch's parameters, as our tree."""
  state = {name: value(x).numpy() for name, x in peer.named_parameters()}
  return torch_gan_models.to_variables(state, "unet")["params"]


class ParityTest(parameterized.TestCase):
  @parameterized.parameters(3, 8)
  def test_some_steps_of_training(self, channels):
    peer, variables = peer_and_variables(channels=channels)
    module = build()
    x = parity.images(2, 24, 16, channels, seed=1)
    direction = parity.images(2, 24, 16, seed=2) - 0.5

    @jax.jit
    def project(params, x, batch_stats):
      logits, updates = module.apply(
        {"params": params, "batch_stats": batch_stats},
        x,
        mutable=["batch_stats"],
      )
      return (logits * direction).sum(), (logits, updates["batch_stats"])

    for _ in range(4):
      before = variables["batch_stats"]
      their_x = parity.channels_first(x).requires_grad_()
      their_logits = peer(their_x)[:, 0]
      peer.zero_grad()
      (their_logits * torch.from_numpy(direction)).sum().backward()
      gradients, (logits, after) = jax.grad(
        project, argnums=(0, 1), has_aux=True
      )(variables["params"], x, before)
      self.assertEqual(logits.shape, (2, 24, 16))
      np.testing.assert_allclose(
        logits, their_logits.detach(), rtol=0, atol=1e-5
      )
      self.assertGreater(np.ptp(logits), 1e-2)
      parity.assert_trees_close(
        gradients,
        (params(peer, lambda x: x.grad), parity.channels_last(their_x.grad)),
      )
      parity.assert_trees_close(after, torch_gan_models.spectral_vectors(peer))
      with self.assertRaises(AssertionError):  # it does move
        parity.assert_trees_close(after, before)
      with torch.no_grad():
        for parameter in peer.parameters():
          parameter -= 0.02 * parameter.grad
      variables = {
        "params": params(peer, lambda x: x.detach()),
        "batch_stats": after,
      }

    # With new weights but the vectors of the last iteration.
    with torch.no_grad():
      theirs = peer.eval()(parity.channels_first(x))[:, 0]
    np.testing.assert_allclose(
      module.apply(variables, x), theirs, rtol=0, atol=1e-5
    )

  def test_bfloat16_is_close_to_float32(self):
    _, variables = peer_and_variables()
    peer, _ = peer_and_variables()
    x = parity.images(4, 16, 16, 3)
    with torch.no_grad():  # vectors that fit the weights
      for _ in range(10):
        peer(parity.channels_first(x))
    variables["batch_stats"] = torch_gan_models.spectral_vectors(peer)
    exact, rounded = (
      jax.jit(build(dtype=dtype).apply)(variables, x)
      for dtype in ("float32", "bfloat16")
    )
    self.assertEqual(rounded.dtype, jnp.float32)
    self.assertBetween(np.abs(exact - rounded).max(), 1e-6, 0.02)


class SpectralNormTest(absltest.TestCase):
  def test_divides_by_the_largest_singular_value(self):
    module = spectral_norm.SpectralNorm()
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 6, 5))
    largest = np.linalg.svd(np.reshape(kernel, (-1, 5)))[1][0]
    variables = module.init(jax.random.key(1), kernel)
    sigma = (kernel / module.apply(variables, kernel))[0, 0, 0, 0]
    # Before any step: else the first would see weights far too large.
    self.assertBetween(sigma / largest, 0.95, 1 + 1e-6)
    for _ in range(200):
      normalized, updates = module.apply(
        variables, kernel, mutable=["batch_stats"]
      )
      variables = {**variables, **updates}
    np.testing.assert_allclose(normalized, kernel / largest, rtol=1e-5)

  def test_state_moves_only_where_it_may(self):
    module = build()
    x = parity.images(2, 16, 16, 3)
    variables = module.init(jax.random.key(0), x)
    again = module.init(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, again, variables)
    self.assertEqual(set(variables), {"params", "batch_stats"})
    alone = module.apply(variables, x)
    np.testing.assert_array_equal(module.apply(variables, x), alone)
    training, updates = module.apply(variables, x, mutable=["batch_stats"])
    self.assertGreater(np.abs(training - alone).max(), 0)
    # What a training call saw is what its state stands for.
    np.testing.assert_allclose(
      module.apply({**variables, **updates}, x), training, atol=1e-6
    )

  def test_a_kernel_of_zeros_is_no_division_by_the_vectors_norm(self):
    # The vectors stay finite; the quotient 0/0 is PyTorch's too.
    module = spectral_norm.SpectralNorm()
    variables = module.init(jax.random.key(0), jnp.ones((1, 1, 2, 2)))
    _, updates = module.apply(
      variables, jnp.zeros((1, 1, 2, 2)), mutable=["batch_stats"]
    )
    for vector in jax.tree.leaves(updates):
      np.testing.assert_array_equal(vector, 0)


class ShapesTest(parameterized.TestCase):
  @parameterized.parameters(100, 12, 18)
  def test_a_size_that_does_not_divide(self, size):
    with self.assertRaisesRegex(
      errors.InputError,
      rf"^image\.architecture: unet .* of 8, .*input is {size}x{size};",
    ):
      models.build_discriminator({"architecture": "unet"}, size, name="image")

  @parameterized.parameters((2, 16, 20, 3), (12, 16, 16), (1, 12, 16, 3))
  def test_input_of_another_shape(self, *shape):
    _, variables = peer_and_variables()
    with self.assertRaisesRegex(ValueError, r"for \[b, h, w, c\], h and w"):
      build().apply(variables, np.zeros(shape, "f"))


if __name__ == "__main__":
  absltest.main()
