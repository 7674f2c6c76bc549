"""DISTS with random weights, as files and as a network."""

import functools
import pathlib
import tempfile

import torch

from srfeat_jax.interchange import dists_file
from srfeat_jax.models import dists as networks
from tests.support.torch_networks import torch_lpips


def channel_weights() -> dict[str, torch.Tensor]:
  """As the authors' weights.pt."""
  generator = torch.Generator().manual_seed(3)
  return {
    name: torch.rand(1, 1475, 1, 1, generator=generator)
    for name in ("alpha", "beta")
  }


def save(folder: pathlib.Path) -> list[str]:
  """Writes the two public files, but with random weights."""
  sources = [str(folder / name) for name in ("vgg16.pth", "weights.pt")]
  torch.save(torch_lpips.Backbone("vgg").state_dict(), sources[0])
  torch.save(channel_weights(), sources[1])
  return sources


@functools.cache
def random() -> tuple[networks.DISTS, dict]:
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    output = folder / "joint.safetensors"
    dists_file.convert(save(folder), output)
    return dists_file.load(str(output))
