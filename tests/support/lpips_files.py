"""LPIPS with random weights, as files and as a network."""

import functools
import pathlib
import tempfile

import jax
import numpy as np
import torch

from srfeat_jax.interchange import lpips_file
from srfeat_jax.models import lpips as networks
from tests.support.torch_networks import torch_lpips


def save(folder: pathlib.Path, backbone: str, **options) -> list[str]:
  """Writes the two public files, but with random weights."""
  sources = [str(folder / f"{backbone}{i}.pth") for i in range(2)]
  state = torch_lpips.Backbone(backbone).state_dict()
  torch.save(state, sources[0], **options)
  torch.save(torch_lpips.heads(backbone), sources[1], **options)
  return sources


@functools.cache
def random(backbone: str) -> tuple[networks.LPIPS, dict]:
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    output = folder / "joint.safetensors"
    lpips_file.convert(save(folder, backbone), output)
    return lpips_file.load(output)


def distances(network, variables, pairs) -> np.ndarray:
  a, b = (x.permute(0, 2, 3, 1).numpy() for x in pairs)
  return np.asarray(jax.jit(network.apply)(variables, a, b))
