"""Generators of other programs as files, and checks of what is read."""

import numpy as np
import torch
from torch import nn

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from tests.support import image_files, parity


def random(peer: nn.Module) -> nn.Module:
  """Gives every parameter and statistic a value that shows."""
  torch.manual_seed(1)
  for name, value in peer.state_dict().items():
    if value.dim() == 1 and value.is_floating_point():
      low, high = (0.5, 1.5) if "var" in name else (-0.3, 0.3)
      value.uniform_(low, high)
  return peer.double().eval()


class ImportTestCase(image_files.FolderTestCase):
  def assert_same_image(self, peer: nn.Module, path, **options):
    read = generator_file.load(path, **options)
    lr = parity.images(1, 9, 7, 3)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = models.build(read.config).apply(read.variables, lr)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)
    return read

  def sentence(self, path, **options) -> str:
    with self.assertRaises(errors.InputError) as caught:
      generator_file.load(path, **options)
    sentence = str(caught.exception)
    self.assertLen(sentence.splitlines(), 1)
    return sentence


def other(state):
  return {k: 2 * v for k, v in state.items()}
