"""Tests of srfeat_jax.inference.folding: the same results without norms."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.inference import folding, tile_program
from tests.support import inference_networks, parity


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
    folded, params = folding.fold(generator, variables)
    sr = tile_program.upscale_tiles(folded, params, lr, (12, 12))
    self.assertGreater(np.std(expected), 0.05)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-5)
    self.assertEqual(list(params), ["params"])
    text = str(jax.tree_util.tree_structure(params))
    self.assertNotIn("norm", text)
    jax.tree.map(np.testing.assert_array_equal, variables, before)

  @parameterized.parameters("srfeat_plain", "msrresnet", "rrdbnet")
  def test_leaves_what_has_no_norm(self, name):
    generator, variables = inference_networks.build(
      inference_networks.CONFIGS[name]
    )
    folded, params = folding.fold(generator, variables)
    self.assertEqual((folded, params), (generator, variables))


if __name__ == "__main__":
  absltest.main()
