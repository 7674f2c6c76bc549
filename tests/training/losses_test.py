"""Losses of adversarial training against PyTorch, on one device and four."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from jax.sharding import AxisType, Mesh
from torch.nn import functional

from srfeat_jax import errors, models
from srfeat_jax.training import image_losses, losses, parallel
from tests.support import parity

ENTROPIES = ("vanilla", "saturating", "relativistic")  # cross entropies
KINDS = (*ENTROPIES, "hinge", "least_squares")


def logits(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
  """Of real and fake, the former larger on average."""
  rng = np.random.default_rng(seed)
  return tuple(
    rng.normal(mean, 2, 8).astype(np.float32) for mean in (1.5, -0.5)
  )


def bce(x: torch.Tensor, target: float) -> torch.Tensor:
  return functional.binary_cross_entropy_with_logits(
    x, torch.full_like(x, target)
  )


def their_generator(real, fake, kind) -> tuple:
  """Loss and gradient at fake, by the steps of BasicSR."""
  real = torch.tensor(real)
  fake = torch.tensor(fake, requires_grad=True)
  if kind == "vanilla":
    loss = bce(fake, 1)
  elif kind == "hinge":
    loss = -fake.mean()
  elif kind == "least_squares":
    loss = functional.mse_loss(fake, torch.ones_like(fake)) / 2
  elif kind == "saturating":
    loss = (1 - fake.sigmoid()).log().mean()
  else:
    loss = (bce(real - fake.mean(), 0) + bce(fake - real.mean(), 1)) / 2
  loss.backward()
  return loss.item(), fake.grad.numpy()


def their_discriminator(real, fake, kind, detach=True) -> tuple:
  """Loss and gradients at real and fake, by BasicSR's two backward passes."""
  real, fake = (torch.tensor(x, requires_grad=True) for x in (real, fake))
  if kind in ("vanilla", "saturating"):
    parts = bce(real, 1), bce(fake, 0)
  elif kind == "hinge":
    parts = functional.relu(1 - real).mean(), functional.relu(1 + fake).mean()
  elif kind == "least_squares":
    parts = (
      functional.mse_loss(real, torch.ones_like(real)) / 2,
      functional.mse_loss(fake, torch.zeros_like(fake)) / 2,
    )
  elif not detach:  # the paper's equation: one loss, one backward pass
    parts = ((bce(real - fake.mean(), 1) + bce(fake - real.mean(), 0)) / 2,)
  else:
    parts = (
      0.5 * bce(real - fake.detach().mean(), 1),
      0.5 * bce(fake - real.detach().mean(), 0),
    )
  for part in parts:
    part.backward()
  return sum(parts).item(), (real.grad.numpy(), fake.grad.numpy())


class AdversarialTest(parameterized.TestCase):
  @parameterized.product(kind=KINDS, seed=(0, 1))
  def test_generator_equals_torch(self, kind, seed):
    real, fake = logits(seed)
    loss, gradients = jax.value_and_grad(
      losses.adversarial_generator, argnums=(0, 1)
    )(real, fake, kind)
    their_loss, their_gradient = their_generator(real, fake, kind)
    self.assertEqual((loss.shape, loss.dtype), ((), np.float32))
    np.testing.assert_allclose(loss, their_loss, rtol=1e-5)
    np.testing.assert_allclose(gradients[1], their_gradient, atol=1e-6)
    np.testing.assert_array_equal(gradients[0], 0)

  @parameterized.product(kind=KINDS, seed=(0, 1), detach=(True, False))
  def test_discriminator_equals_torch(self, kind, seed, detach):
    real, fake = logits(seed)
    loss, gradients = jax.value_and_grad(
      losses.adversarial_discriminator, argnums=(0, 1)
    )(real, fake, kind, detach)
    their_loss, their_gradients = their_discriminator(real, fake, kind, detach)
    self.assertEqual((loss.shape, loss.dtype), ((), np.float32))
    np.testing.assert_allclose(loss, their_loss, rtol=1e-5)
    np.testing.assert_allclose(gradients, their_gradients, atol=1e-6)

  @parameterized.product(
    kind=ENTROPIES,
    loss=(losses.adversarial_generator, losses.adversarial_discriminator),
  )
  def test_large_logits(self, kind, loss):
    # 1 - sigmoid(200) is 0 in float32: its logarithm must not be taken.
    real, fake = np.float32([-200, 200]), np.float32([200, -200])
    value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(
      real, fake, kind
    )
    # Half of the fakes are off by 200; for the discriminator of the reals too.
    both = loss is losses.adversarial_discriminator and kind != "relativistic"
    falls = loss is losses.adversarial_generator and kind == "saturating"
    expected = 200 if both else -100 if falls else 100
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    self.assertTrue(np.isfinite(gradients).all())

  @parameterized.parameters(*ENTROPIES)
  def test_undecided(self, kind):
    # D says one half of everything: -log(1/2) a term.
    x = np.zeros(4, np.float32)
    terms = 1 if kind == "relativistic" else 2
    np.testing.assert_allclose(
      losses.adversarial_discriminator(x, x, kind), terms * np.log(2), rtol=1e-6
    )
    sign = -1 if kind == "saturating" else 1
    np.testing.assert_allclose(
      losses.adversarial_generator(x, x, kind), sign * np.log(2), rtol=1e-6
    )

  @parameterized.parameters(
    losses.adversarial_generator, losses.adversarial_discriminator
  )
  def test_unknown_kind(self, loss):
    with self.assertRaisesRegex(errors.InputError, '"wgan": .*"relativistic"'):
      loss(*logits(), "wgan")

  @parameterized.parameters(*KINDS)
  def test_probabilities_of_one_that_is_undecided(self, kind):
    undecided = 0.5 if kind == "least_squares" else 0.0
    x = np.full((2, 3, 3), undecided, np.float32)
    np.testing.assert_allclose(losses.probabilities(x, x, kind), (0.5, 0.5))

  @parameterized.parameters(
    ("vanilla", [200, 200], [-200, 0], (1, 0.25)),
    ("relativistic", [0, 400], [-200, -200], (1, 0)),
    # Beyond its margins hinge gains nothing; within, half a loss is missing.
    ("hinge", [1, 5], [-1, -9], (1, 0)),
    ("hinge", [0.5, 1.0], [-0.5, -1.0], (0.875, 0.125)),
    # Least squares scatters around its two numbers.
    ("least_squares", [1.25, 0.75], [-0.25, 0.25], (1, 0)),
    ("least_squares", [0.75, 0.5], [0.0, 0.5], (0.625, 0.25)),
    ("least_squares", [2, 3], [-1, 0.5], (1, 0)),
  )
  def test_probabilities(self, kind, real, fake, expected):
    found = losses.probabilities(np.float32(real), np.float32(fake), kind)
    np.testing.assert_allclose(found, expected, atol=1e-6)

  def test_probabilities_of_hinge_are_what_is_left_of_its_loss(self):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-1, 3, 64), rng.uniform(-3, 1, 64)
    of_real, of_fake = losses.probabilities(real, fake, "hinge")
    loss = losses.adversarial_discriminator(real, fake, "hinge")
    np.testing.assert_allclose(2 * (1 - of_real + of_fake), loss, rtol=1e-5)


class FeatureMatchingTest(absltest.TestCase):
  def test_mean_over_maps_of_l1(self):
    rng = np.random.default_rng(0)
    shapes = ((2, 4, 4, 3), (2, 2, 2, 8), (2, 5))
    sr, hr = (
      [rng.normal(size=shape).astype(np.float32) for shape in shapes]
      for _ in range(2)
    )
    value, (to_sr, to_hr) = jax.value_and_grad(
      losses.feature_matching, argnums=(0, 1)
    )(sr, hr)
    theirs = [torch.tensor(x, requires_grad=True) for x in sr]
    expected = sum(
      functional.l1_loss(a, torch.tensor(b))
      for a, b in zip(theirs, hr, strict=True)
    ) / len(shapes)
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-6)
    for ours, their in zip(to_sr, theirs, strict=True):
      np.testing.assert_allclose(ours, their.grad, rtol=1e-5)
    for gradient in to_hr:
      np.testing.assert_array_equal(gradient, 0)


class PerceptualTest(parameterized.TestCase):
  def features(self, dtype=np.float32):
    rng = np.random.default_rng(0)
    shapes = {"conv2_2": (2, 8, 8, 5), "conv5_4": (2, 3, 3, 7)}
    # Targets are not rounded, so that nothing is equal: there the absolute
    # value has no slope, and each library its own idea of one.
    return tuple(
      {k: jnp.asarray(rng.normal(0, 9, s), t) for k, s in shapes.items()}
      for t in (dtype, np.float32)
    )

  @parameterized.product(
    kind=("mse", "l1"), scale=(1.0, 1 / 12.75), dtype=("float32", "bfloat16")
  )
  def test_equals_torch(self, kind, scale, dtype):
    sr, hr = self.features(dtype)
    weights = {"conv2_2": 0.3, "conv5_4": 2.0}

    def ours(sr):
      sr = {layer: x.astype(dtype) for layer, x in sr.items()}
      return losses.perceptual(sr, hr, weights, kind, scale)

    # In float32, for bfloat16 would round the gradients.
    loss, gradients = jax.value_and_grad(ours)(jax.tree.map(jnp.float32, sr))
    criterion = {"mse": functional.mse_loss, "l1": functional.l1_loss}[kind]
    their_loss = 0
    their_sr = {}
    for layer, weight in weights.items():
      a = torch.tensor(np.float32(sr[layer]), requires_grad=True)
      b = torch.tensor(np.float32(hr[layer]))
      their_loss += weight * criterion(scale * a, scale * b)
      their_sr[layer] = a
    their_loss.backward()
    self.assertEqual((loss.shape, loss.dtype), ((), np.float32))
    np.testing.assert_allclose(loss, their_loss.item(), rtol=1e-5)
    tolerance = 1e-5 if dtype == "float32" else 1e-2
    for layer, gradient in gradients.items():
      np.testing.assert_allclose(
        gradient, their_sr[layer].grad, rtol=tolerance, atol=1e-9
      )

  def test_other_features_are_passed_over(self):
    sr, hr = self.features()
    both = losses.perceptual(sr, hr, {"conv5_4": 1.0}, "mse")
    del sr["conv2_2"], hr["conv2_2"]
    one = losses.perceptual(sr, hr, {"conv5_4": 1.0}, "mse")
    np.testing.assert_array_equal(both, one)

  def test_layer_without_features(self):
    sr, hr = self.features()
    with self.assertRaisesRegex(
      errors.InputError, "'conv9_9'.*expected one of conv2_2, conv5_4"
    ):
      losses.perceptual(sr, hr, {"conv9_9": 1.0}, "mse")

  def test_unknown_kind(self):
    sr, hr = self.features()
    with self.assertRaisesRegex(errors.InputError, 'perceptual is "huber"'):
      losses.perceptual(sr, hr, {"conv5_4": 1.0}, "huber")


GENERATOR = models.build(
  {"architecture": "msrresnet", "features": 4, "num_blocks": 1}
)


DISCRIMINATOR = models.build_discriminator(
  {"architecture": "srgan", "input_size": 32, "features": 2, "hidden": 4},
  32,
)


def images() -> tuple[np.ndarray, np.ndarray]:
  """A batch that gets darker: its parts are far apart in their statistics."""
  brightness = np.linspace(1, 0.1, 8, dtype="f")[:, None, None, None]
  lr = brightness * parity.images(8, 8, 8, 3, seed=1)
  return lr, brightness * parity.images(8, 32, 32, 3, seed=2)


@functools.cache
def initial_params() -> tuple:
  lr, hr = images()
  return tuple(
    jax.jit(module.init)(jax.random.key(3), x[:1])["params"]
    for module, x in ((GENERATOR, lr), (DISCRIMINATOR, hr))
  )


def features(image: jax.Array) -> dict[str, jax.Array]:
  """Stands in for VGG: something of every pixel, at two resolutions."""
  half = image[:, ::2, ::2] * image[:, 1::2, 1::2]
  return {"full": jnp.square(image), "half": half}


@jax.jit
def losses_and_gradients(params, lr, hr):
  """All terms as a step would take them, and what they teach the networks."""

  def generator_loss(generator, discriminator):
    sr = GENERATOR.apply({"params": generator}, lr)
    real, fake = (
      DISCRIMINATOR.apply({"params": discriminator}, x) for x in (hr, sr)
    )
    terms = {
      "pixel": image_losses.pixel(sr, hr, "l1"),
      "perceptual": losses.perceptual(
        features(sr), features(hr), {"full": 1.0, "half": 0.5}, "l1"
      ),
      "adversarial": losses.adversarial_generator(real, fake, "relativistic"),
    }
    return sum(terms.values()), (terms, sr)

  def discriminator_loss(discriminator, sr):
    real, fake = (
      DISCRIMINATOR.apply({"params": discriminator}, x)
      for x in (hr, jax.lax.stop_gradient(sr))
    )
    return losses.adversarial_discriminator(real, fake, "relativistic")

  gradient, (terms, sr) = jax.grad(generator_loss, has_aux=True)(*params)
  terms["discriminator"], discriminator_gradient = jax.value_and_grad(
    discriminator_loss
  )(params[1], sr)
  return terms, (gradient, discriminator_gradient)


def on_devices(number: int):
  mesh = Mesh(jax.devices()[:number], ("data",), axis_types=(AxisType.Auto,))
  params = jax.device_put(initial_params(), parallel.replicated(mesh))
  batch = [parallel.to_global(x, mesh) for x in images()]
  assert all(len(x.addressable_shards) == number for x in batch)
  return losses_and_gradients(params, *batch)


class DevicesTest(parameterized.TestCase):
  def test_four_do_what_one_does(self):
    one, four = (on_devices(number) for number in (1, 4))
    for gradient in one[1]:
      norm = np.sqrt(sum(np.square(x).sum() for x in jax.tree.leaves(gradient)))
      self.assertGreater(norm, 1e-2)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
      four,
      one,
    )

  @parameterized.product(
    kind=ENTROPIES,
    loss=(losses.adversarial_generator, losses.adversarial_discriminator),
  )
  def test_means_are_over_the_whole_batch(self, kind, loss):
    real = np.linspace(-4, 4, 8, dtype=np.float32)
    fake = -real
    mesh = Mesh(jax.devices()[:4], ("data",), axis_types=(AxisType.Auto,))
    function = jax.jit(
      jax.value_and_grad(loss, argnums=(0, 1)), static_argnums=2
    )
    whole = function(real, fake, kind)
    batch = [parallel.to_global(x, mesh) for x in (real, fake)]
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7),
      function(*batch, kind),
      whole,
    )
    # What four devices without a common mean would do is something else, or
    # the above could pass without one.
    parts = zip(np.split(real, 4), np.split(fake, 4), strict=True)
    alone = np.mean([function(*part, kind)[0] for part in parts])
    if kind == "relativistic":
      self.assertGreater(alone, 1.1 * whole[0])
    else:
      self.assertAlmostEqual(alone, whole[0], delta=1e-5)


if __name__ == "__main__":
  absltest.main()
