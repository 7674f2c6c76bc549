"""What may be done to networks: to ours, all; to others, what is right."""

import typing

import jax
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.inference import equivalence, overlap, upscaler
from tests.support import inference_networks, own_generators, parity

CONFIGS = {
  **inference_networks.CONFIGS,
  **inference_networks.SCALES,
  **inference_networks.UPSAMPLERS,
  "rrdbnet_deep": inference_networks.CONFIGS["rrdbnet"] | {"num_blocks": 6},
}
# What is not known to be right: "overlap", "masking", "folding", "rounding".
OTHERS = (
  (own_generators.FlaxConv, ""),
  (own_generators.BareConv, "masking"),
  (own_generators.Mirroring, "masking"),
  (own_generators.NormBefore, "folding"),
  (own_generators.NormOfImage, ""),
  (own_generators.NormAfter, ""),
  (own_generators.Transposed, ""),
  (own_generators.Unshuffling, ""),
  (own_generators.UnshufflingThree, ""),
  (own_generators.ZeroFilling, "rounding"),
  (own_generators.Rematerialized, ""),
  (own_generators.Scanned, ""),
  (own_generators.Pooling, "overlap"),
  (own_generators.InstanceNorm, "overlap"),
  (own_generators.Windows, "overlap"),
  (own_generators.FarReaching, "overlap"),
)


class OursTest(parameterized.TestCase):
  @parameterized.parameters(*CONFIGS)
  def test_all_is_right(self, name):
    generator, variables = inference_networks.build(CONFIGS[name])
    found = equivalence.checked(generator, variables)
    self.assertEqual(found, equivalence.Equivalence(overlap.of(generator)))
    self.assertEqual(found, equivalence.of(generator, variables))

  @parameterized.parameters(*models.GENERATORS)
  def test_every_scale_is_among_these(self, architecture):
    declared = models.fields_of(models.GENERATORS[architecture])["scale"]
    tested = {
      config.get("scale", 4)
      for config in CONFIGS.values()
      if config["architecture"] == architecture
    }
    self.assertEqual(tested, set(typing.get_args(declared)))

  def test_a_class_derived_from_one_of_ours_is_checked(self):
    class Derived(models.GENERATORS["msrresnet"]):
      def __call__(self, lr, train=False):
        sr = super().__call__(lr, train)
        return sr / (0.1 + sr.mean(axis=(1, 2), keepdims=True) ** 2)

    generator = Derived(features=4, num_blocks=1)
    found = equivalence.of(generator, inference_networks.draw(generator))
    self.assertIsNone(found.overlap)


class OthersTest(parameterized.TestCase):
  @parameterized.parameters(*OTHERS)
  def test_what_is_wrong_is_found(self, kind, wrong):
    generator, variables = own_generators.build(kind)
    found = equivalence.checked(generator, variables)
    for name in ("masking", "folding", "rounding"):
      if wrong != "overlap":
        self.assertEqual(getattr(found, name), name != wrong, name)
    if wrong == "overlap":
      self.assertIsNone(found.overlap)
    else:
      self.assertEqual(found.overlap, overlap.exact(generator))

  @parameterized.parameters(*(kind for kind, _ in OTHERS))
  def test_upscaled_as_by_the_plain_network(self, kind):
    generator, variables = own_generators.build(kind)
    for size in ((9, 17), (41, 67)):
      lr = parity.images(*size, 3)
      if "Unshuffling" in kind.__name__:
        # The network itself cannot say what it makes of other sizes.
        height, width = (n - n % generator.unshuffle for n in size)
        lr = lr[:height, :width]
      expected = own_generators.plain(generator, variables, lr)
      self.assertGreater(expected.std(), 0.05)
      for tile in (None, 26):
        sr = upscaler.Upscaler(generator, variables, tile)(lr)
        np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.parameters(
    own_generators.Mirroring, own_generators.Pooling, own_generators.FlaxConv
  )
  def test_ensemble(self, kind):
    generator, variables = own_generators.build(kind)
    lr = parity.images(15, 37, 3)
    total = 0
    for turns in range(4):
      for step in (1, -1):
        turned = np.rot90(lr, turns)[:, ::step]
        sr = own_generators.plain(generator, variables, turned)
        total += np.rot90(sr[:, ::step], -turns)
    sr = upscaler.Upscaler(generator, variables, 24, ensemble=True)(lr)
    np.testing.assert_allclose(sr, total / 8, rtol=0, atol=1e-4)

  def test_variables_at_hand_count_too(self):
    generator, variables = own_generators.build(own_generators.NormBefore)
    fresh = models.init(generator, jax.random.key(0))
    self.assertFalse(equivalence.checked(generator, fresh).folding)
    self.assertFalse(equivalence.checked(generator, variables).folding)
    diverged = jax.tree.map(lambda x: np.nan * x, variables)
    self.assertFalse(equivalence.checked(generator, diverged).folding)
    whole = equivalence.checked(generator, diverged)
    self.assertIsNotNone(whole.overlap)

  def test_compute_dtype(self):
    generator, variables = own_generators.build(own_generators.Typed)
    found = equivalence.checked(generator, variables)
    self.assertEqual(found, equivalence.Equivalence(overlap.Overlap(3)))
    lr = parity.images(20, 30, 3)
    exact = generator.clone(dtype="float32")
    expected = own_generators.plain(exact, variables, lr)
    for precision, low, high in (("float32", 0, 1e-5), (None, 1e-4, 0.1)):
      upscale = upscaler.Upscaler(generator, variables, precision=precision)
      self.assertBetween(np.abs(upscale(lr) - expected).max(), low, high)


class SentencesTest(parameterized.TestCase):
  @parameterized.parameters(
    (own_generators.Mirroring, "each size of image is compiled for"),
    (own_generators.ZeroFilling, "no multiple of 2 are upscaled whole"),
    (own_generators.Pooling, "not cut into tiles but upscaled whole"),
  )
  def test_are_said_once(self, kind, sentence):
    generator, variables = own_generators.build(kind)
    generator = generator.clone(name=kind.__name__)  # not yet spoken of
    with self.assertLogs(level="WARNING") as logs:
      upscaler.Upscaler(generator, variables)
    self.assertLen(logs.output, 1)
    self.assertIn(f"{kind.__name__}: ", logs.output[0])
    self.assertIn(sentence, logs.output[0])
    self.assertLen(logs.output[0].splitlines(), 1)
    with self.assertNoLogs(level="WARNING"):
      upscaler.Upscaler(generator, variables)

  @parameterized.parameters(
    own_generators.FlaxConv,
    own_generators.NormBefore,
    own_generators.NormAfter,
    own_generators.Transposed,
  )
  def test_nothing_is_said_where_nothing_is_lost(self, kind):
    generator, variables = own_generators.build(kind)
    with self.assertNoLogs(level="WARNING"):
      upscaler.Upscaler(generator, variables)

  def test_an_image_too_large_to_be_upscaled_whole(self):
    generator, variables = own_generators.build(own_generators.Pooling)
    upscale = upscaler.Upscaler(generator, variables, memory=2**20)
    upscale(np.zeros((16, 16, 3), np.uint8))
    with self.assertRaisesRegex(
      errors.InputError,
      r"^Pooling needs the whole image at once, .* 400 x 300 pixels take about"
      r" \S+ MiB of memory, more than the 1 MiB allowed: choose a smaller",
    ):
      upscale(np.zeros((300, 400, 3), np.uint8))

  def test_the_contract(self):
    def sentence(generator, variables, **options):
      with self.assertRaises(errors.InputError) as caught:
        upscaler.Upscaler(generator, variables, **options)
      self.assertLen(str(caught.exception).splitlines(), 1)
      return str(caught.exception)

    generator, variables = own_generators.build(own_generators.FlaxConv)
    self.assertIn(
      "FlaxConv makes (1, 26, 22, 3) of an image of 11 x 13 pixels: expected"
      " (1, 52, 44, 3)",
      sentence(generator.clone(scale=4), variables),
    )
    self.assertIn(
      "FlaxConv has no field dtype",
      sentence(generator, variables, precision="bfloat16"),
    )

    class Silent(nn.Module):
      scale = 2

    self.assertIn(
      "Silent has no attribute receptive_radius", sentence(Silent(), {})
    )
    undeclared, variables = own_generators.build(own_generators.Undeclared)
    self.assertIn(
      "cannot take an image of 11 x 13 pixels (ValueError: height 13 is not"
      " divisible by 2): if height and width have to be multiples",
      sentence(undeclared, variables),
    )


if __name__ == "__main__":
  absltest.main()
