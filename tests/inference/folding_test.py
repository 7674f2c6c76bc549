"""Tests of srfeat_jax.inference.folding: the same results without norms."""

import jax
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn
from flax import traverse_util

from srfeat_jax.inference import folding, tile_program
from tests.support import inference_networks, own_generators, parity


class FoldingTest(parameterized.TestCase):
  @parameterized.parameters(
    "srfeat", "srfeat_bicubic", "srresnet", "srresnet_bias"
  )
  def test_gives_the_same(self, name):
    generator, variables = inference_networks.build(
      inference_networks.CONFIGS[name]
    )
    before = jax.tree.map(np.copy, variables)
    lr = parity.images(1, 12, 12, 3)
    expected = generator.apply(variables, lr)
    folded = folding.fold(generator, variables)
    sr = tile_program.upscale_tiles(generator, folded, lr, (12, 12))
    self.assertGreater(np.std(expected), 0.05)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-5)
    self.assertEqual(list(folded), ["params"])
    paths = traverse_util.flatten_dict(folded["params"])
    left = {path[-1] for path in paths if "norm" in path[-2]}
    has_bias = any(
      "blocks" in x[0] and x[-2:] == ("conv_0", "bias") for x in paths
    )
    self.assertEqual(left, set() if has_bias else {"bias"})
    self.assertEqual(has_bias, name == "srresnet_bias")
    jax.tree.map(np.testing.assert_array_equal, variables, before)

  @parameterized.parameters("srfeat_plain", "msrresnet", "rrdbnet")
  def test_leaves_what_has_no_norm(self, name):
    generator, variables = inference_networks.build(
      inference_networks.CONFIGS[name]
    )
    self.assertEqual(folding.fold(generator, variables), variables)

  def test_other_people_s_layers(self):
    generator, variables = own_generators.build(own_generators.NormAfter)
    lr = parity.images(1, 12, 12, 3)
    folded = folding.fold(generator, variables)
    sr = tile_program.upscale_tiles(generator, folded, lr, (12, 12))
    expected = generator.apply(variables, lr)
    self.assertGreater(np.std(expected), 0.05)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-5)
    self.assertEqual(list(folded), ["params"])
    self.assertEqual(list(folded["params"]["n0"]), ["bias"])
    self.assertNotIn("n1", folded["params"])  # its convolution has a bias
    self.assertEqual(list(folded["params"]["n2"]), ["bias"])

  @parameterized.parameters("NormOfImage", "Scanned")
  def test_leaves_what_follows_no_convolution_of_its_own(self, name):
    generator, variables = own_generators.build(getattr(own_generators, name))
    self.assertIn("batch_stats", variables)
    folded = folding.fold(generator, variables)
    jax.tree.map(np.testing.assert_array_equal, folded, variables)

  def test_leaves_a_convolution_that_is_called_twice(self):
    class Twice(nn.Module):
      @nn.compact
      def __call__(self, lr):
        conv = nn.Conv(3, (3, 3), use_bias=False)
        return nn.BatchNorm(True)(conv(conv(lr)))

    variables = inference_networks.draw(Twice())
    self.assertIn("batch_stats", folding.fold(Twice(), variables))


if __name__ == "__main__":
  absltest.main()
