"""The generators against plain PyTorch, and what `build` refuses."""

import math

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.ops import resize
from tests import parity, torch_models

PEERS = {
  "srfeat": torch_models.SRFeat,
  "srresnet": torch_models.SRResNet,
  "msrresnet": torch_models.MSRResNet,
}
SMALL = {"features": 8, "num_blocks": 3}


def peer_of(config: dict) -> torch.nn.Module:
  """Returns the torch network, in float64, none of its parameters trivial."""
  fields = {
    name: value
    for name, value in config.items()
    if name not in ("architecture", "initializer", "dtype")
  }
  torch.manual_seed(0)
  peer = PEERS[config["architecture"]](**fields).double()
  for layer in peer.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
      torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
      torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
      torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
      torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    elif isinstance(layer, torch.nn.PReLU):
      torch.nn.init.uniform_(layer.weight, -0.5, 0.5)
  return peer


def variables_of(peer: torch.nn.Module, config: dict) -> dict:
  state = {name: value.numpy() for name, value in peer.state_dict().items()}
  return torch_models.to_variables(state, config["architecture"])


def initialized(config: dict, seed: int = 0) -> tuple:
  module = models.build(config)
  return module, module.init(jax.random.key(seed), jnp.zeros((1, 8, 8, 3)))


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
    config = SMALL | config
    module, peer = models.build(config), peer_of(config)
    variables = variables_of(peer, config)
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
          after = variables_of(peer, config)["batch_stats"]
          momentum = config.get("batch_norm_momentum", 0.9)
          # Torch puts the variance of n - 1 into the running one, Flax (and
          # the authors' TensorFlow) that of n.
          n = lr[..., 0].size
          for layer in _normalisations(after):
            old = _at(before, layer)["var"]
            new = _at(after, layer)
            step = new["var"] - momentum * old
            new["var"] = momentum * old + step * (n - 1) / n
          parity.assert_trees_close(updates["batch_stats"], after)

  @parameterized.parameters(*PEERS)
  def test_full_size_forward(self, architecture):
    config = {"architecture": architecture}
    peer = peer_of(config).eval()
    lr = parity.images(1, 16, 16, 3)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = models.build(config).apply(variables_of(peer, config), lr)
    self.assertEqual(sr.shape, (1, 64, 64, 3))
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.product(architecture=tuple(PEERS), train=(False, True))
  def test_bfloat16_is_close_to_float32(self, architecture, train):
    config = SMALL | {"architecture": architecture}
    variables = variables_of(peer_of(config), config)
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


def _normalisations(tree: dict, path: tuple = ()) -> list[tuple]:
  """Returns the paths of all {"mean", "var"} in nested batch statistics."""
  if "var" in tree:
    return [path]
  return [p for k in tree for p in _normalisations(tree[k], (*path, k))]


def _at(tree: dict, path: tuple) -> dict:
  for name in path:
    tree = tree[name]
  return tree


class InitialisationTest(parameterized.TestCase):
  @parameterized.parameters(
    ({"architecture": "srfeat"}, 6_187_907),
    # 8,192 scales and shifts less, 4,096 and 1,920 biases more.
    ({"architecture": "srfeat", "batch_norm": False, "block_bias": True,
      "skip_bias": True}, 6_185_731),
    ({"architecture": "srresnet"}, 1_547_350),
    ({"architecture": "msrresnet"}, 1_517_571),
  )  # fmt: skip
  def test_parameter_count(self, config, expected):
    count = parity.num_parameters(models.build(config), 1, 8, 8, 3)
    self.assertEqual(count, expected)

  @parameterized.parameters(*PEERS)
  def test_initial_tree_is_that_of_the_peer(self, architecture):
    config = SMALL | {"architecture": architecture}
    _, variables = initialized(config)
    expected = variables_of(peer_of(config), config)
    self.assertEqual(
      jax.tree.map(np.shape, variables), jax.tree.map(np.shape, expected)
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(variables)}, {np.dtype("float32")}
    )

  def test_parameters_are_float32_under_bfloat16(self):
    _, variables = initialized(
      SMALL | {"architecture": "srresnet", "dtype": "bfloat16"}
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(variables)}, {np.dtype("float32")}
    )

  def test_srfeat_normal(self):
    _, variables = initialized({"architecture": "srfeat", "num_blocks": 2})
    params = variables["params"]
    for kernel in (
      params["head"]["kernel"],
      params["blocks_1"]["conv_1"]["kernel"],
      params["skips_0"]["kernel"],
      params["upsample_1"]["conv"]["kernel"],
    ):
      self.assertAlmostEqual(kernel.std() / 0.01, 1, delta=0.03)
      self.assertAlmostEqual(kernel.mean() / 0.01, 0, delta=0.03)
      # A normal that is not truncated.
      self.assertGreater(np.abs(kernel).max(), 0.035)
    np.testing.assert_array_equal(params["head"]["bias"], 0)
    np.testing.assert_array_equal(params["upsample_0"]["conv"]["bias"], 0)
    np.testing.assert_array_equal(params["blocks_0"]["norm_0"]["scale"], 1)
    np.testing.assert_array_equal(params["blocks_0"]["norm_0"]["bias"], 0)
    statistics = variables["batch_stats"]["blocks_0"]["norm_0"]
    np.testing.assert_array_equal(statistics["mean"], 0)
    np.testing.assert_array_equal(statistics["var"], 1)

  def test_uniform_has_torch_bounds(self):
    _, variables = initialized(
      {"architecture": "srfeat", "initializer": "uniform", "num_blocks": 1,
       "batch_norm": False, "block_bias": True}
    )  # fmt: skip
    params = variables["params"]
    for layer, fan_in in (
      (params["head"], 9 * 9 * 3),
      (params["blocks_0"]["conv_1"], 9 * 128),
      (params["upsample_0"]["conv"], 9 * 128),
    ):
      bound = 1 / math.sqrt(fan_in)
      for values in (layer["kernel"], layer["bias"]):
        self.assertLessEqual(np.abs(values).max(), bound)
        self.assertGreater(np.abs(values).max(), 0.95 * bound)
        self.assertAlmostEqual(
          values.std() / (bound / math.sqrt(3)), 1, delta=0.15
        )

  def test_srresnet_is_uniform_with_quarter_slopes(self):
    _, variables = initialized({"architecture": "srresnet", "num_blocks": 1})
    params = variables["params"]
    bound = 1 / math.sqrt(9 * 64)
    kernel = params["trunk"]["kernel"]
    self.assertLessEqual(np.abs(kernel).max(), bound)
    self.assertAlmostEqual(kernel.std() / (bound / math.sqrt(3)), 1, delta=0.02)
    for layer in (
      params["head_activation"],
      params["blocks_0"]["activation"],
      params["upsample_1"]["activation"],
    ):
      np.testing.assert_array_equal(layer["slope"], [0.25])

  def test_msrresnet_is_a_tenth_of_kaiming(self):
    _, variables = initialized({"architecture": "msrresnet", "num_blocks": 1})
    params = variables["params"]
    for layer, fan_in, delta in (
      (params["head"], 9 * 3, 0.05),
      (params["blocks_0"]["conv_0"], 9 * 64, 0.02),
      (params["hr_conv"], 9 * 64, 0.02),
    ):
      expected = 0.1 * math.sqrt(2 / fan_in)
      self.assertAlmostEqual(layer["kernel"].std() / expected, 1, delta=delta)
      np.testing.assert_array_equal(layer["bias"], 0)

  def test_seeds_differ(self):
    config = SMALL | {"architecture": "srfeat"}
    a, b = (initialized(config, seed)[1]["params"] for seed in (0, 1))
    self.assertFalse(np.array_equal(a["head"]["kernel"], b["head"]["kernel"]))


class BehaviourTest(parameterized.TestCase):
  @parameterized.product(
    architecture=("srfeat", "srresnet"), base=("bilinear", "bicubic")
  )
  def test_zero_tail_gives_the_base(self, architecture, base):
    module, variables = initialized(
      SMALL | {"architecture": architecture, "residual_base": base}
    )
    params = variables["params"]
    params["tail"] = jax.tree.map(jnp.zeros_like, params["tail"])
    lr = parity.images(1, 6, 7, 3)
    np.testing.assert_array_equal(
      module.apply(variables, lr), resize.resize(jnp.asarray(lr), 4, base)
    )

  @parameterized.product(
    architecture=tuple(PEERS), scale=(2, 4, 8), num_blocks=(1, 2)
  )
  def test_receptive_radius(self, architecture, scale, num_blocks):
    config = {"architecture": architecture, "features": 8, "scale": scale,
              "num_blocks": num_blocks}  # fmt: skip
    if architecture != "msrresnet":
      config["residual_base"] = "bicubic"
    module = models.build(config)
    variables = variables_of(peer_of(config), config)
    radius = module.receptive_radius
    size, centre = 2 * radius + 5, radius + 2
    lr = parity.images(1, size, size, 3)
    # Large, so that it is not lost in rounding at the edge of its reach.
    perturbed = lr.copy()
    perturbed[0, centre, centre] += 1000
    apply = jax.jit(module.apply)
    changed = apply(variables, lr) != apply(variables, perturbed)
    for axis in (1, 2):
      others = tuple({0, 1, 2, 3} - {axis})
      (positions,) = np.nonzero(np.any(changed, axis=others))
      # In LR pixels from the perturbed one to the pixel the output lies in.
      self.assertEqual(positions.min() // scale, centre - radius)
      self.assertEqual(positions.max() // scale, centre + radius)

  def test_receptive_radius_of_the_full_networks(self):
    radii = [
      models.build({"architecture": name}).receptive_radius for name in PEERS
    ]
    self.assertEqual(radii, [38, 40, 35])

  def test_statistics_are_of_the_batch_only_in_training(self):
    module, variables = initialized(SMALL | {"architecture": "srfeat"})
    lr = parity.images(2, 6, 6, 3)
    together = module.apply(variables, lr)
    alone = module.apply(variables, lr[:1])
    np.testing.assert_allclose(together[:1], alone, rtol=0, atol=1e-6)
    _, updates = module.apply(
      variables, lr, train=True, mutable=["batch_stats"]
    )
    statistics = updates["batch_stats"]["blocks_0"]["norm_0"]["var"]
    # Decay 0.9 from 1; the initial activations' variance is next to nothing.
    np.testing.assert_allclose(statistics, 0.9, atol=0.01)


class BuildTest(parameterized.TestCase):
  def test_takes_a_locked_config(self):
    config = ml_collections.ConfigDict(
      {"architecture": "srresnet", "features": 8, "num_blocks": 2, "scale": 2}
    ).lock()
    module = models.build(config)
    self.assertEqual((module.features, module.scale), (8, 2))
    self.assertEqual(module, models.build(config))

  @parameterized.parameters(
    ({}, "architecture: expected srfeat, srresnet, msrresnet or .*, got None"),
    ({"architecture": "edsr"}, "architecture: expected .*got 'edsr'"),
    ({"architecture": "srfeat", "feature": 64}, "feature: srfeat has no such"),
    ({"architecture": "msrresnet", "tanh": True}, "tanh: msrresnet has no"),
    ({"architecture": "srfeat", "name": "x"}, "name: srfeat has no such"),
    ({"architecture": "srfeat", "residual_base": "foo"},
     "residual_base: expected one of none, bilinear, bicubic, got 'foo'"),
    ({"architecture": "srfeat", "features": 0},
     "features: expected a whole number above 0, got 0"),
    ({"architecture": "srfeat", "features": 64.0}, "features: .*got 64.0"),
    ({"architecture": "srfeat", "num_blocks": -1}, "num_blocks: .*got -1"),
    ({"architecture": "srfeat", "num_blocks": True}, "num_blocks: .*got True"),
    ({"architecture": "msrresnet", "scale": 3},
     "scale: expected one of 2, 4, 8, got 3"),
    ({"architecture": "rrdbnet", "scale": 8},
     "scale: expected one of 1, 2, 4, got 8"),
    ({"architecture": "rrdbnet", "scale": True}, "scale: .*got True"),
    ({"architecture": "rrdbnet", "initializer": "uniform"},
     "initializer: expected one of dense_tenth, tenth, got 'uniform'"),
    ({"architecture": "rrdbnet", "residual_scale": 0.0},
     "residual_scale: expected a number between 0 and 1, got 0.0"),
    ({"architecture": "rrdbnet", "batch_norm": True}, "batch_norm: rrdbnet "),
    ({"architecture": "srfeat", "scale": 4.0}, "scale: .*got 4.0"),
    ({"architecture": "srfeat", "batch_norm": "no"},
     "batch_norm: expected True or False, got 'no'"),
    ({"architecture": "srfeat", "initializer": "kaiming_tenth"},
     "initializer: expected one of normal, uniform, got 'kaiming_tenth'"),
    ({"architecture": "srfeat", "dtype": "float16"}, "dtype: .*'float16'"),
    ({"architecture": "srresnet", "batch_norm_momentum": 1.5},
     "batch_norm_momentum: expected a number between 0 and 1, got 1.5"),
    ({"architecture": "srresnet", "batch_norm_epsilon": float("nan")},
     "batch_norm_epsilon: expected a number between 0 and 1, got nan"),
  )  # fmt: skip
  def test_refuses(self, config, message):
    with self.assertRaisesRegex(errors.InputError, rf"^generator\.{message}"):
      models.build(config)


if __name__ == "__main__":
  absltest.main()
