"""Small networks, their variables, and their peers in plain PyTorch."""

import jax
import torch

from srfeat_jax import models
from tests.support.torch_networks import torch_models

PEERS = {
  "srfeat": torch_models.SRFeat,
  "srresnet": torch_models.SRResNet,
  "msrresnet": torch_models.MSRResNet,
}
SMALL = {"features": 8, "num_blocks": 3}


def peer_of(config: dict) -> torch.nn.Module:
  """Returns the torch network, in float64, none of its parameters trivial."""
  fields = {
    name: value
    for name, value in config.items()
    if name not in ("architecture", "initializer", "dtype")
  }
  torch.manual_seed(0)
  peer = PEERS[config["architecture"]](**fields).double()
  for layer in peer.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
      torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
      torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
      torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
      torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    elif isinstance(layer, torch.nn.PReLU):
      torch.nn.init.uniform_(layer.weight, -0.5, 0.5)
  return peer


def variables_of(peer: torch.nn.Module, config: dict) -> dict:
  state = {name: value.numpy() for name, value in peer.state_dict().items()}
  return torch_models.to_variables(state, config["architecture"])


def initialized(config: dict, seed: int = 0) -> tuple:
  module = models.build(config)
  return module, models.init(module, jax.random.key(seed))
