"""StableHLO programs against the networks they were made from."""

import numpy as np
from absl.testing import absltest, parameterized
from jax import export

from srfeat_jax.interchange.exports import stablehlo_file
from tests.support import exported_networks, image_files, parity


class EqualTest(image_files.FolderTestCase):
  @parameterized.parameters(*exported_networks.CONFIGS)
  def test_stablehlo(self, **config):
    config, module, variables = exported_networks.made(config)
    path = self.folder / "x.stablehlo"
    stablehlo_file.save(path, config, variables)
    program = export.deserialize(bytearray(path.read_bytes()))
    self.assertEqual(program.platforms, ("cpu", "cuda", "tpu"))
    for size in exported_networks.SIZES:
      lr = parity.images(*size, 3)
      np.testing.assert_allclose(
        program.call(lr), module.apply(variables, lr), rtol=0, atol=1e-4
      )


if __name__ == "__main__":
  absltest.main()
