"""The discriminators against plain PyTorch, and what is refused."""

import math

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from tests.support import parity
from tests.support.torch_networks import torch_gan_models

PEERS = {
  "srgan": torch_gan_models.SRGANDiscriminator,
  "vgg_style": torch_gan_models.VGGStyleDiscriminator,
}
SMALL = {"features": 4, "hidden": 8}


def build(architecture: str, size: int, **fields):
  config = {"architecture": architecture, **fields}
  if architecture != "unet":
    config["input_size"] = size
  return models.build_discriminator(config, size)


def peer_and_variables(architecture: str, size: int, **fields):
  """The torch network, in float64, none of its parameters trivial."""
  torch.manual_seed(0)
  peer = PEERS[architecture](size, **fields).double()
  for layer in peer.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
      torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
      torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
  if fields.get("spectral_norm"):
    for _ in range(10):  # vectors that fit the weights
      peer(torch.zeros(1, fields["channels"], size, size).double())
  state = {name: x.detach().numpy() for name, x in peer.named_parameters()}
  variables = torch_gan_models.to_variables(state, architecture)
  if vectors := torch_gan_models.spectral_vectors(peer):
    variables["batch_stats"] = vectors
  # So that vectors stay; batches are normalized by their own statistics.
  return peer.eval(), variables


class ParityTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ("srgan_even", "srgan", 32, 3, {}),
    ("srgan_halves_of_296", "srgan", 37, 3, {}),
    ("srgan_features", "srgan", 19, 16, {"symmetric_input": False}),
    ("srgan_patch_even", "srgan", 32, 3, {"logits": "patch"}),
    ("srgan_patch_odd", "srgan", 37, 3, {"logits": "patch"}),
    ("srgan_position", "srgan", 7, 16, {
      "logits": "position", "symmetric_input": False}),
    ("srgan_position_spectral", "srgan", 6, 16, {
      "logits": "position", "symmetric_input": False, "spectral_norm": True}),
    ("vgg_style", "vgg_style", 64, 3, {}),
  )  # fmt: skip
  def test_logits_and_gradients(self, architecture, size, channels, change):
    fields = SMALL | change
    module = build(architecture, size, **fields)
    if architecture == "srgan":
      change = change | {"channels": channels}
    peer, variables = peer_and_variables(architecture, size, **SMALL | change)
    # With these inputs no late activation is so near its kink that rounding
    # decides on the gradient.
    x = parity.images(4, size, size, channels, seed=3)
    sides = {"patch": math.ceil(size / 16), "position": size}
    logits = fields.get("logits", "image")
    shape = (4, *[sides[logits]] * 2) if logits in sides else (4,)
    direction = parity.images(*shape, seed=1) - 0.5

    their_x = parity.channels_first(x).requires_grad_()
    their_logits = peer(their_x)
    (their_logits[:, 0] * torch.from_numpy(direction)).sum().backward()
    their_gradients = torch_gan_models.to_variables(
      {name: p.grad.numpy() for name, p in peer.named_parameters()},
      architecture,
    )

    @jax.jit
    def project(params, x):
      logits = module.apply(variables | params, x)
      return (logits * direction).sum(), logits

    gradients, logits = jax.grad(project, argnums=(0, 1), has_aux=True)(
      {"params": variables["params"]}, x
    )
    self.assertEqual(logits.shape, shape)
    np.testing.assert_allclose(
      logits, their_logits.detach()[:, 0], rtol=0, atol=1e-4
    )
    self.assertGreater(np.ptp(logits), 1e-2)
    parity.assert_trees_close(
      gradients, (their_gradients, parity.channels_last(their_x.grad))
    )

  @parameterized.parameters(*PEERS)
  def test_real_and_fake_are_batches_of_their_own(self, architecture):
    peer, variables = peer_and_variables(architecture, 32, **SMALL)
    logits_of = jax.jit(build(architecture, 32, **SMALL).apply)
    real, fake = parity.images(2, 3, 32, 32, 3)
    fake = fake * 0.3
    logits = [logits_of(variables, x) for x in (real, fake)]
    with torch.no_grad():
      theirs = [peer(parity.channels_first(x))[:, 0] for x in (real, fake)]
    np.testing.assert_allclose(logits, theirs, rtol=0, atol=1e-4)
    together = logits_of(variables, np.concatenate([real, fake]))
    self.assertGreater(np.abs(together - np.concatenate(logits)).max(), 1e-2)

  def test_patch_logits_at_any_size(self):
    fields = SMALL | {"logits": "patch"}
    _, variables = peer_and_variables("srgan", 32, **fields)
    module = build("srgan", 32, **fields)
    for size in (16, 40):
      config = {"architecture": "srgan", "input_size": 32, **fields}
      self.assertEqual(models.build_discriminator(config, size), module)
    logits = module.apply(variables, parity.images(2, 40, 17, 3))
    self.assertEqual(logits.shape, (2, 3, 2))

  @parameterized.parameters(*PEERS)
  def test_bfloat16_is_close_to_float32(self, architecture):
    _, variables = peer_and_variables(architecture, 32, **SMALL)
    x = parity.images(8, 32, 32, 3)
    exact, rounded = (
      jax.jit(build(architecture, 32, **SMALL, dtype=dtype).apply)(variables, x)
      for dtype in ("float32", "bfloat16")
    )
    self.assertEqual(rounded.dtype, jnp.float32)
    difference = np.abs(exact - rounded).max()
    self.assertLess(difference, 0.05)
    # Exact equality would mean that the dtype is not used.
    self.assertGreater(difference, 1e-5)


class InitializationTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ("srfeat_image", "srgan", 296, 3, 193_959_105),
    ("srfeat_features", "srgan", 19, 512, 7_081_473),
    # Its dense layers less, (4 * 512 + 1) * 1024 + 1025, and a convolution.
    ("srfeat_features_position", "srgan", 19, 512,
     7_081_473 - 2_099_201 + 9 * 512 + 1, {"logits": "position"}),
    # The image discriminator's, with 6x6 in place of 19x19 maps at the end.
    ("srgan", "srgan", 96, 3, 193_959_105 - (19**2 - 6**2) * 512 * 1024),
    ("esrgan", "vgg_style", 128, 3, 14_499_401),
    # Real-ESRGAN's, as published.
    ("unet", "unet", 128, 3, 4_376_897),
  )  # fmt: skip
  def test_parameter_count(
    self, architecture, size, channels, expected, fields=None
  ):
    module = build(architecture, size, **(fields or {}))
    count = parity.num_parameters(module, 1, size, size, channels)
    self.assertEqual(count, expected)

  @parameterized.parameters(*PEERS)
  def test_initial_tree_is_that_of_the_peer(self, architecture):
    module = build(architecture, 32, **SMALL, dtype="bfloat16")
    variables = jax.eval_shape(
      module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3))
    )
    _, expected = peer_and_variables(architecture, 32, **SMALL)
    self.assertEqual(
      jax.tree.map(lambda x: x.shape, variables),
      jax.tree.map(np.shape, expected),
    )
    self.assertEqual(
      {x.dtype for x in jax.tree.leaves(variables)}, {np.dtype("float32")}
    )

  def initialized(self, architecture, size, **fields):
    module = build(architecture, size, features=16, hidden=64, **fields)
    init = jax.jit(module.init)
    variables = init(jax.random.key(0), jnp.zeros((1, size, size, 3)))
    self.assertEqual(set(variables), {"params"})
    return variables["params"]

  @parameterized.parameters(
    ("he_truncated", math.sqrt(2 / 512)), ("truncated_tenth", 0.08796)
  )
  def test_srgan_has_he_s_convolutions(self, dense_initializer, expected):
    fields = {"dense_initializer": dense_initializer}
    if dense_initializer == "he_truncated":
      fields = {}  # the default
    params = self.initialized("srgan", 32, **fields)
    for name, fan_in in (("conv_1", 9 * 16), ("conv_7", 9 * 128)):
      kernel, deviation = params[name]["kernel"], math.sqrt(2 / fan_in)
      self.assertAlmostEqual(kernel.std() / deviation, 1, delta=0.03)
      # What N(0, 1) within +-2 has for deviation.
      largest = np.abs(kernel).max() / (deviation / 0.8796)
      self.assertBetween(largest, 1.95, 2.0001)
      np.testing.assert_array_equal(params[name]["bias"], 0)
    kernel = params["hidden"]["kernel"]
    self.assertEqual(kernel.shape, (2 * 2 * 128, 64))
    self.assertAlmostEqual(kernel.std() / expected, 1, delta=0.02)
    largest = np.abs(kernel).max() / (expected / 0.8796)
    self.assertBetween(largest, 1.95, 2.0001)
    if dense_initializer == "he_truncated":
      expected = math.sqrt(2 / 64)
    largest = np.abs(params["logit"]["kernel"]).max()
    self.assertLessEqual(largest, 2.0001 * expected / 0.8796)
    np.testing.assert_array_equal(params["hidden"]["bias"], 0)
    np.testing.assert_array_equal(params["norm_1"]["scale"], 1)
    np.testing.assert_array_equal(params["norm_7"]["bias"], 0)

  def test_vgg_style_is_uniform(self):
    params = self.initialized("vgg_style", 64)
    for name, fan_in in (
      ("conv_0", 9 * 3), ("conv_3", 16 * 32), ("hidden", 4 * 128),
      ("logit", 64),
    ):  # fmt: skip
      bound = 1 / math.sqrt(fan_in)
      for values in params[name].values():
        self.assertLessEqual(np.abs(values).max(), bound)
      kernel = params[name]["kernel"]
      self.assertGreater(np.abs(kernel).max(), 0.9 * bound)
      deviation = kernel.std() / (bound / math.sqrt(3))
      self.assertAlmostEqual(deviation, 1, delta=0.2)
    for name in ("conv_0", "hidden"):
      self.assertGreater(np.abs(params[name]["bias"]).max(), 0)
    np.testing.assert_array_equal(params["norm_1"]["scale"], 1)


class BuildTest(parameterized.TestCase):
  def test_takes_a_locked_config(self):
    config = ml_collections.ConfigDict(
      {"architecture": "srgan", "input_size": 96, "hidden": 16}
    ).lock()
    module = models.build_discriminator(config, 96)
    self.assertEqual((module.input_size, module.hidden), (96, 16))

  @parameterized.parameters("srgan", "vgg_style")
  def test_size_that_follows_the_input(self, architecture):
    config = {"architecture": architecture, "input_size": 0}
    for size in (96, 296):
      module = models.build_discriminator(config, size)
      self.assertEqual(module.input_size, size)
    self.assertEqual(config["input_size"], 0)

  @parameterized.parameters(
    ("srgan", 96, "input_size: .*for 296x296, but its input is 96x96"),
    ("vgg_style", 96, "input_size: .*for 128x128, but its input is 96x96"),
  )
  def test_size_of_the_crop_does_not_fit(self, architecture, size, message):
    with self.assertRaisesRegex(errors.InputError, f"^discrim.*{message}"):
      models.build_discriminator({"architecture": architecture}, size)

  @parameterized.parameters(
    ({}, "architecture: expected srgan, vgg_style or unet, got None"),
    ({"architecture": "srfeat"}, "architecture: expected .*got 'srfeat'"),
    ({"architecture": "vgg_style", "symmetric_input": True},
     "symmetric_input: vgg_style has no such field; expected one of input_"),
    ({"architecture": "srgan", "symmetric_input": 1},
     "symmetric_input: expected True or False, got 1"),
    ({"architecture": "srgan", "hidden": 0},
     "hidden: expected a whole number above 0, got 0"),
    ({"architecture": "srgan", "input_size": -1}, "input_size: .*got -1"),
    ({"architecture": "unet", "input_size": 0}, "input_size: unet has no such"),
    ({"architecture": "srgan", "logits": "pixel"},
     "logits: expected one of image, patch, position, got 'pixel'"),
    ({"architecture": "unet", "input_size": 296},
     "input_size: unet has no such field; expected one of features, dtype"),
    ({"architecture": "srgan", "dtype": "float16"}, "dtype: .*'float16'"),
  )  # fmt: skip
  def test_refuses(self, config, message):
    with self.assertRaisesRegex(errors.InputError, rf"^image\.{message}"):
      models.build_discriminator(config, 296, name="image")

  @parameterized.parameters((2, 32, 24, 3), (32, 32, 3))
  def test_input_of_another_shape(self, *shape):
    _, variables = peer_and_variables("srgan", 32, **SMALL)
    with self.assertRaisesRegex(ValueError, r"for \[b, 32, 32, c\]"):
      build("srgan", 32, **SMALL).apply(variables, np.zeros(shape, "f"))


if __name__ == "__main__":
  absltest.main()
