"""The network of LPIPS against torch."""

import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.models import lpips as networks
from tests.support import image_files, lpips_files
from tests.support.torch_networks import torch_lpips

_BACKBONES = ("squeeze", "alex", "vgg")


def _pairs(*shape: int, seed: int) -> list[torch.Tensor]:
  """Two batches [n, 3, H, W] in [0, 1]."""
  torch.manual_seed(seed)
  return [torch.rand(shape), torch.rand(shape)]


class NetworkTest(parameterized.TestCase):
  @parameterized.product(backbone=_BACKBONES, size=[(65, 83), (31, 34)])
  def test_equals_torch(self, backbone, size):
    pairs = _pairs(2, 3, *size, seed=3)
    expected = torch_lpips.distance(backbone, *(2 * x - 1 for x in pairs))
    self.assertGreater(expected.min(), 0.1)
    ours = lpips_files.distances(*lpips_files.random(backbone), pairs)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)

  @parameterized.parameters(
    ("squeeze", 0.1700633019208908),
    ("alex", 0.15620428323745728),
    ("vgg", 0.21953482925891876),
  )
  def test_is_that_of_the_package(self, backbone, expected):
    """The package lpips 0.1.4, its code unchanged, with these weights."""
    pairs = [
      torch.from_numpy(image / np.float32(255)).permute(2, 0, 1)[None]
      for image in image_files.waves(66, 48)
    ]
    ours = lpips_files.distances(*lpips_files.random(backbone), pairs)
    np.testing.assert_allclose(ours, [expected], rtol=2e-5)

  @parameterized.parameters(*_BACKBONES)
  def test_smallest_size(self, backbone):
    """Of the smallest images something is left, in torch too; of less, not."""
    least = networks.MIN_SIZES[backbone]
    pairs = _pairs(1, 3, least, 40, seed=3)
    expected = torch_lpips.distance(backbone, *(2 * x - 1 for x in pairs))
    ours = lpips_files.distances(*lpips_files.random(backbone), pairs)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    pairs = _pairs(1, 3, 40, least - 1, seed=3)
    with self.assertRaises(RuntimeError):
      torch_lpips.distance(backbone, *pairs)
    with self.assertRaisesRegex(
      errors.InputError, f"needs {least} x {least} .* got 40 x {least - 1} "
    ):
      lpips_files.distances(*lpips_files.random(backbone), pairs)


if __name__ == "__main__":
  absltest.main()
