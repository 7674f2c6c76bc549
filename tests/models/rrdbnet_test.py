"""RRDBNet against plain PyTorch."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import models
from tests.support import parity
from tests.support.torch_networks import torch_gan_models

SMALL = {"features": 8, "num_blocks": 2, "growth": 4}


def build(**fields):
  return models.build({"architecture": "rrdbnet", **fields})


def peer_and_variables(**fields):
  torch.manual_seed(0)
  peer = torch_gan_models.RRDBNet(**fields).double()
  state = {name: value.numpy() for name, value in peer.state_dict().items()}
  return peer, torch_gan_models.to_variables(state, "rrdbnet")


class ParityTest(parameterized.TestCase):
  @parameterized.parameters(
    ({},),
    ({"scale": 3},),
    ({"scale": 2},),
    ({"scale": 1},),
    ({"residual_scale": 0.7},),
  )
  def test_forward_and_gradients(self, change):
    fields = SMALL | change
    module = build(**fields)
    peer, variables = peer_and_variables(**fields)
    lr = parity.images(2, 8, 4, 3)
    scale = module.scale
    direction = parity.images(2, 8 * scale, 4 * scale, 3, seed=1) - 0.5

    their_lr = parity.channels_first(lr).requires_grad_()
    their_sr = peer(their_lr)
    (their_sr * parity.channels_first(direction)).sum().backward()
    their_gradients = torch_gan_models.to_variables(
      {name: p.grad.numpy() for name, p in peer.named_parameters()}, "rrdbnet"
    )

    @jax.jit
    def project(variables, lr):
      sr = module.apply(variables, lr, train=True)
      return (sr * direction).sum(), sr

    gradients, sr = jax.grad(project, argnums=(0, 1), has_aux=True)(
      variables, lr
    )
    np.testing.assert_allclose(
      sr, parity.channels_last(their_sr), rtol=0, atol=1e-4
    )
    parity.assert_trees_close(
      gradients, (their_gradients, parity.channels_last(their_lr.grad))
    )

  def test_full_size_forward(self):
    peer, variables = peer_and_variables()
    lr = parity.images(1, 10, 12, 3)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = jax.jit(build().apply)(variables, lr)
    self.assertEqual(sr.shape, (1, 40, 48, 3))
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  def test_bfloat16_is_close_to_float32(self):
    _, variables = peer_and_variables(**SMALL)
    lr = parity.images(2, 8, 8, 3)
    exact, rounded = (
      jax.jit(build(**SMALL, dtype=dtype).apply)(variables, lr)
      for dtype in ("float32", "bfloat16")
    )
    self.assertEqual(rounded.dtype, jnp.float32)
    difference = np.abs(exact - rounded).max()
    self.assertLess(difference, 0.03)
    # Exact equality would mean that the dtype is not used.
    self.assertGreater(difference, 1e-4)


class UnshuffleTest(parameterized.TestCase):
  @parameterized.product(scale=(1, 2), size=((5, 7), (4, 6), (1, 1)))
  def test_sizes_that_do_not_divide_are_mirrored(self, scale, size):
    module = build(**SMALL, scale=scale)
    _, variables = peer_and_variables(**SMALL, scale=scale)
    lr = parity.images(1, *size, 3)
    unshuffle = {1: 4, 2: 2}[scale]
    mirrored = np.pad(
      lr,
      [(0, 0), *((0, -n % unshuffle) for n in size), (0, 0)],
      mode="symmetric",
    )
    apply = jax.jit(module.apply)
    expected = apply(variables, mirrored)
    height, width = (scale * n for n in size)
    np.testing.assert_allclose(
      apply(variables, lr), expected[:, :height, :width], rtol=0, atol=1e-6
    )


class ReceptiveRadiusTest(parameterized.TestCase):
  @parameterized.parameters((4, 1), (4, 2), (3, 1), (2, 1), (1, 1))
  def test_is_the_farthest_that_gradients_reach(self, scale, num_blocks):
    module = build(features=2, growth=2, num_blocks=num_blocks, scale=scale)
    radius, unshuffle = module.receptive_radius, module.unshuffle
    center = unshuffle * (radius // unshuffle + 2)
    lr = jnp.ones((1, 2 * center, 2 * center, 3))
    variables = jax.eval_shape(module.init, jax.random.key(0), lr)
    # All positive: nothing is cut off by an activation, nothing cancels out.
    variables = jax.tree.map(lambda x: jnp.full(x.shape, 0.1), variables)

    @jax.jit
    @jax.grad
    def reach(lr, position):
      sr = module.apply(variables, lr)
      start = (0, scale * position, scale * position, 0)
      return jax.lax.dynamic_slice(sr, start, (1, scale, scale, 3)).sum()

    distances = []
    for position in range(center, center + unshuffle):
      gradient = reach(lr, position)[0].sum(-1)
      self.assertTrue(np.isfinite(gradient).all())
      for axis in (0, 1):
        (reached,) = np.nonzero(gradient.sum(axis))
        distances += [position - reached.min(), reached.max() - position]
    self.assertEqual(max(distances), radius)

  def test_of_the_full_network(self):
    self.assertEqual(build().receptive_radius, 349)


@functools.cache
def initial_params(initializer):
  init = jax.jit(build(num_blocks=1, initializer=initializer).init)
  return init(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))["params"]


class InitializationTest(parameterized.TestCase):
  # Unshuffling by 2 adds 9 input channels to the first 3x3x64 convolution.
  @parameterized.parameters((4, 16_697_987), (2, 16_697_987 + 9 * 9 * 64))
  def test_parameter_count(self, scale, expected):
    count = parity.num_parameters(build(scale=scale), 1, 8, 8, 3)
    self.assertEqual(count, expected)

  def test_initial_tree_is_that_of_the_peer(self):
    _, expected = peer_and_variables(**SMALL)
    shapes = models.shapes(build(**SMALL, dtype="bfloat16"))
    self.assertEqual(
      jax.tree.map(lambda x: x.shape, shapes), jax.tree.map(np.shape, expected)
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(shapes)}, {np.dtype("float32")}
    )

  def assert_tenth_of_he(self, layer, fan_in, delta):
    expected = 0.1 * math.sqrt(2 / fan_in)
    self.assertAlmostEqual(layer["kernel"].std() / expected, 1, delta=delta)
    # A normal that is not truncated.
    self.assertGreater(np.abs(layer["kernel"]).max(), 2.5 * expected)
    np.testing.assert_array_equal(layer["bias"], 0)

  @parameterized.parameters("dense_tenth", "tenth")
  def test_dense_blocks(self, initializer):
    blocks = initial_params(initializer)["blocks_0"]
    for i in range(3):
      for j in range(5):
        layer = blocks[f"dense_{i}"][f"conv_{j}"]
        self.assert_tenth_of_he(layer, 9 * (64 + 32 * j), 0.03)

  @parameterized.parameters(
    ("head", 27), ("trunk", 576), ("upsample_1", 576), ("tail", 576)
  )
  def test_other_layers(self, name, fan_in):
    self.assert_tenth_of_he(initial_params("tenth")[name], fan_in, 0.07)
    bound = 1 / math.sqrt(fan_in)
    layer = initial_params("dense_tenth")[name]
    for values in layer.values():
      self.assertLessEqual(np.abs(values).max(), bound)
      self.assertGreater(np.abs(values).max(), 0.5 * bound)
    deviation = layer["kernel"].std() / (bound / math.sqrt(3))
    self.assertAlmostEqual(deviation, 1, delta=0.05)


if __name__ == "__main__":
  absltest.main()
