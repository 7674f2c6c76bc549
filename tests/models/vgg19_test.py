"""VGG-19's features against a plain torch VGG-19 of the same weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.models import vgg19
from tests.support.torch_networks import torch_vgg

LAYERS = tuple(torch_vgg.POSITIONS)
_FIRST = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")


@functools.cache
def variables() -> dict:
  arrays = iter(torch_vgg.state().values())
  return {
    "params": {
      layer: {
        "kernel": next(arrays).numpy().transpose(2, 3, 1, 0),
        "bias": next(arrays).numpy(),
      }
      for layer in vgg19.CHANNELS
    }
  }


def random_image(*shape: int) -> np.ndarray:
  return np.random.default_rng(1).random((*shape, 3), np.float32)


def compute(image, **fields) -> dict[str, np.ndarray]:
  network = vgg19.VGG19(**fields)
  return jax.device_get(jax.jit(network.apply)(variables(), image))


class FeaturesTest(parameterized.TestCase):
  @parameterized.product(
    preprocessing=vgg19.PREPROCESSINGS, pooling=vgg19.POOLINGS
  )
  def test_as_torch(self, preprocessing, pooling):
    # Odd at one pool or another: 37 -> 19 -> 10 -> 5 -> 3, or 18, 9, 4, 2.
    image = random_image(2, 37, 50)
    ours = compute(
      image, layers=LAYERS, preprocessing=preprocessing, pooling=pooling
    )
    self.assertSameElements(ours, LAYERS)
    for layer in LAYERS:
      theirs = torch_vgg.compute(image, layer, preprocessing, pooling)
      # Caffe's input is a hundred times as large, and so are the features.
      atol = 1e-4 if preprocessing == "torchvision" else 1e-4 * theirs.std()
      self.assertGreater(theirs.std(), 0.05)
      np.testing.assert_allclose(ours[layer], theirs, atol=atol, rtol=1e-4)

  def test_what_makes_gradients_fast_changes_nothing(self):
    network = vgg19.VGG19(("relu2_2", "conv3_1"))
    image = random_image(2, 21, 14)

    def total(variables, image):
      features = network.apply(variables, image)
      return sum(jnp.sum(jnp.square(x)) for x in features.values())

    gradient = jax.jit(jax.value_and_grad(total, 1))
    plain = {"params": {k: variables()["params"][k] for k in _FIRST}}
    fast = vgg19.for_training(plain, "cpu")
    for ours, theirs in zip(
      gradient(fast, image), gradient(plain, image), strict=True
    ):
      np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    self.assertEqual(vgg19.for_training(plain, "gpu"), plain)
    # The kernels are there already: none is reversed.
    count = [
      jax.jit(jax.grad(total, 1))
      .lower(each, image)
      .as_text()
      .count("o.reverse")
      for each in (plain, fast)
    ]
    self.assertEqual(count, [5, 0])

  @parameterized.parameters(("ceil", 19), ("floor", 18))
  def test_full_size(self, pooling, side):
    network = vgg19.VGG19(("conv5_4",), pooling=pooling)
    features = jax.eval_shape(
      network.apply, variables(), jnp.zeros((1, 296, 296, 3))
    )
    self.assertEqual(features["conv5_4"].shape, (1, side, side, 512))

  def test_relu_is_all_that_differs(self):
    features = compute(random_image(1, 16, 16), layers=("conv3_1", "relu3_1"))
    self.assertLess(features["conv3_1"].min(), 0)
    np.testing.assert_array_equal(
      features["relu3_1"], np.maximum(features["conv3_1"], 0)
    )

  def test_clip(self):
    image = 3 * random_image(1, 16, 16) - 1
    clip, keep = (
      compute(image, layers=("conv1_1",), clip=clip)["conv1_1"]
      for clip in (True, False)
    )
    clipped = compute(np.clip(image, 0, 1), layers=("conv1_1",))["conv1_1"]
    np.testing.assert_array_equal(clip, clipped)
    self.assertGreater(np.abs(keep - clipped).max(), 0.1)

  def test_bfloat16(self):
    image = random_image(1, 32, 32)
    exact, coarse = (
      compute(image, layers=("conv5_4",), dtype=dtype)["conv5_4"]
      for dtype in ("float32", "bfloat16")
    )
    self.assertEqual(coarse.dtype, np.float32)
    error = np.abs(coarse - exact).max() / exact.std()
    self.assertBetween(error, 1e-5, 0.2)


class CostTest(parameterized.TestCase):
  @parameterized.parameters(
    (("conv1_1",), 1),
    (("relu2_2", "conv2_1"), 4),
    (("relu5_4", "conv1_2"), 16),
  )
  def test_no_deeper_than_needed(self, layers, convolutions):
    network = vgg19.VGG19(layers)
    program = str(
      jax.make_jaxpr(network.apply)(variables(), jnp.zeros((1, 32, 32, 3)))
    )
    self.assertEqual(program.count("conv_general_dilated["), convolutions)
    self.assertEqual(
      set(network.apply(variables(), jnp.zeros((1, 32, 32, 3)))), set(layers)
    )

  def test_parameters_are_an_argument(self):
    network = vgg19.VGG19(("conv5_4",))
    shapes = jax.eval_shape(
      network.init, jax.random.key(0), random_image(1, 16, 16)
    )
    self.assertEqual(
      jax.tree.map(jnp.shape, shapes), jax.tree.map(jnp.shape, variables())
    )
    # The count of the network without its three dense layers.
    self.assertEqual(sum(x.size for x in jax.tree.leaves(shapes)), 20_024_384)
    lowered = jax.jit(network.apply).lower(shapes, jnp.zeros((1, 16, 16, 3)))
    self.assertLess(len(lowered.as_text()), 100_000)


class BadInputTest(parameterized.TestCase):
  @parameterized.parameters("conv5_5", "relu6_1", "fc7", "pool5", "conv1_0")
  def test_layer_that_does_not_exist(self, name):
    with self.assertRaisesRegex(
      errors.InputError, f'layers: VGG-19 has no layer "{name}"; expected convI'
    ):
      vgg19.VGG19(("conv1_1", name))

  @parameterized.parameters(((),), ("conv1_1",))
  def test_layers_that_are_no_tuple_of_names(self, layers):
    with self.assertRaisesRegex(errors.InputError, "expected a tuple"):
      vgg19.VGG19(layers)

  @parameterized.parameters(("preprocessing", "bgr"), ("pooling", "same"))
  def test_setting_that_does_not_exist(self, field, value):
    with self.assertRaisesRegex(errors.InputError, f"{field}.*'{value}'"):
      vgg19.VGG19(("conv1_1",), **{field: value})

  def test_image_too_small(self):
    image = random_image(1, 40, 15)
    with self.assertRaisesRegex(errors.InputError, "40x15 px is too small"):
      compute(image, layers=("conv5_1",), pooling="floor")
    features = compute(image, layers=("conv5_1",), pooling="ceil")
    self.assertEqual(features["conv5_1"].shape, (1, 3, 1, 512))


if __name__ == "__main__":
  absltest.main()
