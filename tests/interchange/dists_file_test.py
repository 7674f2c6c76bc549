"""DISTS' weights from the public files, and joined in one."""

import jax
import numpy as np
import torch
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.interchange import dists_file
from tests.support import dists_files, image_files


class FileTest(image_files.FolderTestCase):
  def test_public_files_and_the_whole_state_of_the_package(self):
    _, expected = dists_files.random()
    backbone, weights = dists_files.save(self.folder)
    output = self.folder / "x.safetensors"
    state = dict(torch.load(weights))
    for name, array in torch.load(backbone).items():
      if name.startswith("features."):
        state[name.replace("features.", "stage3.")] = array
    state |= {"mean": torch.zeros(1), "stage2.4.filter": torch.zeros(1)}
    whole = self.folder / "whole.pth"
    torch.save(state, whole)
    for sources in ([weights, backbone], [str(whole)]):
      dists_file.convert(sources, output)
      _, variables = dists_file.load(str(output))
      jax.tree.map(np.testing.assert_array_equal, variables, expected)

  def test_files_that_are_something_else(self):
    backbone, weights = dists_files.save(self.folder)
    for name, path, sentence in (
      ("nothing", str(self.folder / "nope"), "No such file.*convert dists"),
      ("noise", self.file("noise", bytes(range(256))), "noise is not a file"),
      ("only VGG-16", backbone, "2 missing: alpha, beta; .*weights.pt"),
      ("only weights", weights, "26 missing: features.0.bias,"),
    ):
      with (
        self.subTest(name),
        self.assertRaisesRegex(errors.InputError, sentence),
      ):
        dists_file.load(path)


if __name__ == "__main__":
  absltest.main()
