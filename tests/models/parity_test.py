"""The generators against plain PyTorch: outputs, gradients, statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import models
from tests.support import generator_peers, parity
from tests.support.torch_networks import torch_models


class ParityTest(parameterized.TestCase):
  """Same weights, same numbers as torch."""

  @parameterized.named_parameters(
    ("srfeat", {"architecture": "srfeat"}),
    ("srfeat_without_norm", {
      "architecture": "srfeat", "batch_norm": False, "block_bias": True,
      "skip_bias": True, "initializer": "uniform"}),
    ("srfeat_with_all_biases", {
      "architecture": "srfeat", "block_bias": True, "skip_bias": True}),
    ("srfeat_no_activation_after_shuffle", {
      "architecture": "srfeat", "activation_after_shuffle": False}),
    ("srfeat_tanh", {"architecture": "srfeat", "tanh": True}),
    ("srfeat_over_bilinear", {
      "architecture": "srfeat", "residual_base": "bilinear"}),
    ("srfeat_over_bicubic", {
      "architecture": "srfeat", "residual_base": "bicubic", "tanh": True}),
    ("srfeat_x2", {"architecture": "srfeat", "scale": 2}),
    ("srfeat_x8", {"architecture": "srfeat", "scale": 8}),
    ("srfeat_x3", {"architecture": "srfeat", "scale": 3}),
    ("srfeat_x1_over_bilinear", {
      "architecture": "srfeat", "scale": 1, "residual_base": "bilinear"}),
    ("srresnet_x1", {"architecture": "srresnet", "scale": 1}),
    ("srresnet_over_bicubic_x3", {
      "architecture": "srresnet", "residual_base": "bicubic", "scale": 3}),
    ("msrresnet_x1", {"architecture": "msrresnet", "scale": 1}),
    ("msrresnet_x3", {"architecture": "msrresnet", "scale": 3}),
    *((f"{architecture}_{upsampler}_x{scale}", {
        "architecture": architecture, "upsampler": upsampler, "scale": scale})
      for architecture, upsampler, scale in (
        ("srfeat", "direct", 4), ("srfeat", "nearest", 3),
        ("srresnet", "direct", 2), ("srresnet", "nearest", 4))),
    ("srfeat_one_block", {"architecture": "srfeat", "num_blocks": 1}),
    ("srresnet", {"architecture": "srresnet"}),
    ("srresnet_prelu_per_channel", {
      "architecture": "srresnet", "prelu_per_channel": True}),
    ("srresnet_momentum_and_epsilon", {
      "architecture": "srresnet", "batch_norm_momentum": 0.8,
      "batch_norm_epsilon": 1e-2}),
    ("srresnet_tanh_and_biases", {
      "architecture": "srresnet", "tanh": True, "block_bias": True}),
    ("srresnet_over_bilinear", {
      "architecture": "srresnet", "residual_base": "bilinear"}),
    ("srresnet_over_bicubic_x2", {
      "architecture": "srresnet", "residual_base": "bicubic", "scale": 2}),
    ("msrresnet", {"architecture": "msrresnet"}),
    ("msrresnet_x2", {"architecture": "msrresnet", "scale": 2}),
    ("msrresnet_x8", {"architecture": "msrresnet", "scale": 8}),
  )  # fmt: skip
  def test_forward_gradients_and_running_statistics(self, config):
    config = generator_peers.SMALL | config
    module, peer = models.build(config), generator_peers.peer_of(config)
    variables = generator_peers.variables_of(peer, config)
    lr = parity.images(2, 6, 5, 3)
    scale = config.get("scale", 4)
    direction = parity.images(2, 6 * scale, 5 * scale, 3, seed=1) - 0.5

    for train in (False, True):
      with self.subTest(train=train):
        peer.train(train)
        peer.zero_grad()
        their_lr = parity.channels_first(lr).requires_grad_()
        before = variables.get("batch_stats")
        their_sr = peer(their_lr)
        (their_sr * parity.channels_first(direction)).sum().backward()
        their_gradients = torch_models.to_variables(
          {name: p.grad.numpy() for name, p in peer.named_parameters()},
          config["architecture"],
        )["params"]

        @jax.jit
        def project(params, lr, train=train):
          sr, updates = module.apply(
            variables | {"params": params},
            lr,
            train=train,
            mutable=["batch_stats"],
          )
          return (sr * direction).sum(), (sr, updates)

        gradients, (sr, updates) = jax.grad(
          project, argnums=(0, 1), has_aux=True
        )(variables["params"], lr)

        np.testing.assert_allclose(
          sr, parity.channels_last(their_sr), rtol=0, atol=1e-4
        )
        parity.assert_trees_close(
          gradients, (their_gradients, parity.channels_last(their_lr.grad))
        )
        if train and before:
          after = generator_peers.variables_of(peer, config)["batch_stats"]
          momentum = config.get("batch_norm_momentum", 0.9)
          # Torch puts the variance of n - 1 into the running one, Flax (and
          # the authors' TensorFlow) that of n.
          n = lr[..., 0].size
          for layer in _normalizations(after):
            old = _at(before, layer)["var"]
            new = _at(after, layer)
            step = new["var"] - momentum * old
            new["var"] = momentum * old + step * (n - 1) / n
          parity.assert_trees_close(updates["batch_stats"], after)

  @parameterized.parameters(*generator_peers.PEERS)
  def test_full_size_forward(self, architecture):
    config = {"architecture": architecture}
    peer = generator_peers.peer_of(config).eval()
    lr = parity.images(1, 16, 16, 3)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = models.build(config).apply(
      generator_peers.variables_of(peer, config), lr
    )
    self.assertEqual(sr.shape, (1, 64, 64, 3))
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.product(
    architecture=tuple(generator_peers.PEERS), train=(False, True)
  )
  def test_bfloat16_is_close_to_float32(self, architecture, train):
    config = generator_peers.SMALL | {"architecture": architecture}
    variables = generator_peers.variables_of(
      generator_peers.peer_of(config), config
    )
    lr = parity.images(2, 8, 8, 3)
    outputs = {}
    for dtype in ("float32", "bfloat16"):
      outputs[dtype], updates = models.build(config | {"dtype": dtype}).apply(
        variables, lr, train=train, mutable=["batch_stats"]
      )
      self.assertEqual(outputs[dtype].dtype, jnp.float32)
      for statistic in jax.tree.leaves(updates):
        self.assertEqual(statistic.dtype, jnp.float32)
    difference = np.abs(outputs["float32"] - outputs["bfloat16"])
    self.assertLess(difference.max(), 0.03)
    # Exact equality would mean that the dtype is not used.
    self.assertGreater(difference.max(), 1e-4)


def _normalizations(tree: dict, path: tuple = ()) -> list[tuple]:
  """Returns the paths of all {"mean", "var"} in nested batch statistics."""
  if "var" in tree:
    return [path]
  return [p for k in tree for p in _normalizations(tree[k], (*path, k))]


def _at(tree: dict, path: tuple) -> dict:
  for name in path:
    tree = tree[name]
  return tree


if __name__ == "__main__":
  absltest.main()
