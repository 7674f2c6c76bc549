"""VGG of any depth in plain PyTorch, with torchvision's names."""

import functools

import numpy as np
import torch
from torch import nn

_COUNTS = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
# Of VGG-19, as positions in `features`.
POSITIONS = {"conv2_2": 7, "relu2_2": 8, "conv5_4": 34, "relu5_4": 35}


def features(depth: int = 19, ceil_mode: bool = False) -> nn.Sequential:
  """The convolutional part, without its weights."""
  modules = []
  channels = 3
  for count, width in zip(_COUNTS[depth], _WIDTHS, strict=True):
    for _ in range(count):
      modules += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
      channels = width
    modules.append(nn.MaxPool2d(2, 2, ceil_mode=ceil_mode))
  return nn.Sequential(*modules)


@functools.cache
def state(depth: int = 19) -> dict[str, torch.Tensor]:
  """Random weights that keep the scale of features; not to be changed."""
  rng = np.random.default_rng(0)
  tensors = {}
  with torch.device("meta"):
    shapes = features(depth).state_dict()
  for name, value in shapes.items():
    scale = 0.1
    if value.ndim == 4:
      scale = np.sqrt(2 / value[0].numel())
    array = scale * rng.standard_normal(value.shape, np.float32)
    tensors[f"features.{name}"] = torch.from_numpy(np.float32(array))
  return tensors


def compute(
  image: np.ndarray, layer: str, preprocessing: str, pooling: str
) -> np.ndarray:
  """Features [b, h, w, c] of RGB images [b, H, W, 3] in [0, 1]."""
  x = torch.from_numpy(image).permute(0, 3, 1, 2)
  if preprocessing == "caffe":
    mean = torch.tensor([103.939, 116.779, 123.68])
    x = x.flip(1) * 255 - mean[:, None, None]
  else:
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
  network = features(ceil_mode=pooling == "ceil")
  weights = {k.removeprefix("features."): v for k, v in state().items()}
  network.load_state_dict(weights, assign=True)
  for module in network:
    # Not in place, because features before a ReLU are returned too.
    module.inplace = False
  with torch.no_grad():
    y = network[: POSITIONS[layer] + 1](x)
  return y.permute(0, 2, 3, 1).numpy()
