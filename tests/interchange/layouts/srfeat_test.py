"""SRFeat in its authors' files, compared with PyTorch."""

import numpy as np
from absl.testing import absltest

from tests.support import (
  foreign_files,
  foreign_generators,
)
from tests.support.torch_networks import torch_models


class SRFeatTest(foreign_generators.ImportTestCase):
  def test_the_authors_file(self):
    peer = foreign_generators.random(
      torch_models.SRFeat(features=8, num_blocks=3)
    )
    arrays = foreign_files.official_srfeat(peer)
    self.assertLen(arrays, 11 * 3 + 7)  # of 16 blocks: 183
    path = foreign_files.write_objects(self.folder, arrays)
    read = self.assert_same_image(peer, path)
    self.assertEqual(read.kind, "SRFeat of its authors")
    self.assertTrue(read.config["batch_norm"])

  def test_full_size_is_183_arrays(self):
    variables = {
      name: (shape) for name, shape in foreign_files.srfeat_file_layout(16, 128)
    }
    self.assertLen(variables, 183)
    self.assertEqual(sum(map(np.prod, (
      shape for name, shape in variables.items() if name.startswith("params")
    ))), 6_187_907)  # fmt: skip

  def test_other_lists(self):
    arrays = foreign_files.official_srfeat(
      torch_models.SRFeat(features=8, num_blocks=3)
    )
    path = foreign_files.write_objects(self.folder, arrays[:-1])
    self.assertIn("holds 39 arrays without names", self.sentence(path))
    arrays[3] = arrays[3][:5]
    path = foreign_files.write_objects(self.folder, arrays)
    self.assertIn(
      "array 3 (params/blocks_0/norm_0/bias) (5,) instead of (8,)",
      self.sentence(path),
    )

  def test_not_finite(self):
    arrays = foreign_files.official_srfeat(
      torch_models.SRFeat(features=8, num_blocks=3)
    )
    arrays[3] = np.full_like(arrays[3], np.nan)
    path = foreign_files.write_objects(self.folder, arrays)
    self.assertIn(
      "holds NaN or infinity in params/blocks_0/norm_0/bias",
      self.sentence(path),
    )


if __name__ == "__main__":
  absltest.main()
