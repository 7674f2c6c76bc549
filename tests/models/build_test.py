"""How generators start and behave, and what `build` refuses."""

import math
from unittest import mock

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.ops import resize
from tests.support import generator_peers, parity


class InitializationTest(parameterized.TestCase):
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

  @parameterized.parameters(*generator_peers.PEERS)
  def test_initial_tree_is_that_of_the_peer(self, architecture):
    config = generator_peers.SMALL | {"architecture": architecture}
    _, variables = generator_peers.initialized(config)
    expected = generator_peers.variables_of(
      generator_peers.peer_of(config), config
    )
    self.assertEqual(
      jax.tree.map(np.shape, variables), jax.tree.map(np.shape, expected)
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(variables)}, {np.dtype("float32")}
    )

  def test_parameters_are_float32_under_bfloat16(self):
    _, variables = generator_peers.initialized(
      generator_peers.SMALL | {"architecture": "srresnet", "dtype": "bfloat16"}
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(variables)}, {np.dtype("float32")}
    )

  def test_srfeat_normal(self):
    _, variables = generator_peers.initialized(
      {"architecture": "srfeat", "num_blocks": 2}
    )
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
    _, variables = generator_peers.initialized(
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
    _, variables = generator_peers.initialized(
      {"architecture": "srresnet", "num_blocks": 1}
    )
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
    _, variables = generator_peers.initialized(
      {"architecture": "msrresnet", "num_blocks": 1}
    )
    params = variables["params"]
    for layer, fan_in, delta in (
      (params["head"], 9 * 3, 0.05),
      (params["blocks_0"]["conv_0"], 9 * 64, 0.02),
      (params["hr_conv"], 9 * 64, 0.02),
    ):
      expected = 0.1 * math.sqrt(2 / fan_in)
      self.assertAlmostEqual(layer["kernel"].std() / expected, 1, delta=delta)
      np.testing.assert_array_equal(layer["bias"], 0)

  @parameterized.parameters(
    ("srfeat", "shuffle", 2, ("upsample_0", "conv")),
    ("srresnet", "direct", 3, ("tail",)),
  )
  def test_icnr_makes_equal_pixels_of_each(
    self, architecture, upsampler, scale, path
  ):
    config = {"architecture": architecture, "upsampler": upsampler,
              "scale": scale, "features": 8, "num_blocks": 1}  # fmt: skip
    kernels = []
    for icnr in (False, True):
      _, variables = generator_peers.initialized(config | {"icnr": icnr})
      params = variables["params"]
      for name in path:
        params = params[name]
      # In depth-to-space order: pixel by pixel.
      kernels.append(params["kernel"].reshape(3, 3, 8, scale**2, -1))
    plain, icnr = kernels
    np.testing.assert_array_equal(np.ptp(icnr, axis=3), 0)
    self.assertGreater(np.ptp(plain, axis=3).min(), 0)
    self.assertAlmostEqual(icnr.std() / plain.std(), 1, delta=0.15)

  def test_icnr_starts_without_a_checkerboard(self):
    lr = parity.images(1, 8, 8, 3)
    for icnr in (False, True):
      module, variables = generator_peers.initialized(
        {"architecture": "srresnet", "upsampler": "direct", "icnr": icnr,
         "features": 8, "num_blocks": 1}
      )  # fmt: skip
      sr = module.apply(variables, lr).reshape(8, 4, 8, 4, 3)
      spread = np.ptp(sr, axis=(1, 3)).max()
      self.assertEqual(spread < 1e-6, icnr)

  def test_seeds_differ(self):
    config = generator_peers.SMALL | {"architecture": "srfeat"}
    a, b = (
      generator_peers.initialized(config, seed)[1]["params"] for seed in (0, 1)
    )
    self.assertFalse(np.array_equal(a["head"]["kernel"], b["head"]["kernel"]))


class BehaviorTest(parameterized.TestCase):
  @parameterized.product(
    architecture=("srfeat", "srresnet"), base=("bilinear", "bicubic")
  )
  def test_zero_tail_gives_the_base(self, architecture, base):
    module, variables = generator_peers.initialized(
      generator_peers.SMALL
      | {"architecture": architecture, "residual_base": base}
    )
    params = variables["params"]
    params["tail"] = jax.tree.map(jnp.zeros_like, params["tail"])
    lr = parity.images(1, 6, 7, 3)
    np.testing.assert_array_equal(
      module.apply(variables, lr), resize.resize(jnp.asarray(lr), 4, base)
    )

  @parameterized.product(
    architecture=tuple(generator_peers.PEERS),
    scale=(1, 2, 3, 4, 8),
    num_blocks=(1, 2),
  )
  def test_receptive_radius(self, architecture, scale, num_blocks):
    config = {"architecture": architecture, "features": 8, "scale": scale,
              "num_blocks": num_blocks}  # fmt: skip
    if architecture != "msrresnet":
      config["residual_base"] = "bicubic"
    module = models.build(config)
    variables = generator_peers.variables_of(
      generator_peers.peer_of(config), config
    )
    radius = module.receptive_radius
    size, center = 2 * radius + 5, radius + 2
    lr = parity.images(1, size, size, 3)
    # Large, so that it is not lost in rounding at the edge of its reach.
    perturbed = lr.copy()
    perturbed[0, center, center] += 1000
    apply = jax.jit(module.apply)
    changed = apply(variables, lr) != apply(variables, perturbed)
    for axis in (1, 2):
      others = tuple({0, 1, 2, 3} - {axis})
      (positions,) = np.nonzero(np.any(changed, axis=others))
      # In LR pixels from the perturbed one to the pixel the output lies in.
      self.assertEqual(positions.min() // scale, center - radius)
      self.assertEqual(positions.max() // scale, center + radius)

  def test_receptive_radius_of_the_full_networks(self):
    radii = [
      models.build({"architecture": name}).receptive_radius
      for name in generator_peers.PEERS
    ]
    self.assertEqual(radii, [38, 40, 35])

  def test_statistics_are_of_the_batch_only_in_training(self):
    module, variables = generator_peers.initialized(
      generator_peers.SMALL | {"architecture": "srfeat"}
    )
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
    ({"architecture": "msrresnet", "scale": 6},
     "scale: expected one of 1, 2, 3, 4, 8, got 6"),
    ({"architecture": "rrdbnet", "scale": 8},
     "scale: expected one of 1, 2, 3, 4, got 8"),
    ({"architecture": "rrdbnet", "scale": True}, "scale: .*got True"),
    ({"architecture": "rrdbnet", "initializer": "uniform"},
     "initializer: expected one of dense_tenth, tenth, got 'uniform'"),
    ({"architecture": "rrdbnet", "residual_scale": 0.0},
     "residual_scale: expected a number above 0 and up to 1, got 0.0"),
    ({"architecture": "rrdbnet", "batch_norm": True}, "batch_norm: rrdbnet "),
    ({"architecture": "srfeat", "scale": 4.0}, "scale: .*got 4.0"),
    ({"architecture": "srfeat", "batch_norm": "no"},
     "batch_norm: expected True or False, got 'no'"),
    ({"architecture": "srfeat", "initializer": "kaiming_tenth"},
     "initializer: expected one of normal, uniform, got 'kaiming_tenth'"),
    ({"architecture": "srfeat", "dtype": "float16"}, "dtype: .*'float16'"),
    ({"architecture": "srresnet", "batch_norm_momentum": 1.5},
     "batch_norm_momentum: expected a number above 0 and up to 1, got 1.5"),
    ({"architecture": "srresnet", "batch_norm_epsilon": float("nan")},
     "batch_norm_epsilon: expected a number above 0 and up to 1, got nan"),
  )  # fmt: skip
  def test_refuses(self, config, message):
    with self.assertRaisesRegex(errors.InputError, rf"^generator\.{message}"):
      models.build(config)

  def test_refuses_a_field_that_does_not_say_what_is_legal(self):
    class Own(nn.Module):
      scale: int = 4

    message = "^Own.scale: a field declared .*int.* say what .* fields.Count"
    with (
      mock.patch.object(models, "GENERATORS", {"own": Own}),
      self.assertRaisesRegex(errors.InputError, message),
    ):
      models.build({"architecture": "own", "scale": 4})


if __name__ == "__main__":
  absltest.main()
