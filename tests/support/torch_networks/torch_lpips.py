"""LPIPS in plain PyTorch, with random weights: the reference for ours.

Backbones have the structure and the names of torchvision.
"""

import torch
from torch import nn
from torch.nn import functional

# The features after whose module (a ReLU, or a Fire that ends in one) are
# compared, and their channels.
TAPS = {
  "squeeze": {1: 64, 4: 128, 7: 256, 9: 384, 10: 384, 11: 512, 12: 512},
  "alex": {1: 64, 4: 192, 7: 384, 9: 256, 11: 256},
  "vgg": {3: 64, 8: 128, 15: 256, 22: 512, 29: 512},
}


class _Fire(nn.Module):
  def __init__(self, inputs, narrow, wide):
    super().__init__()
    self.squeeze = nn.Conv2d(inputs, narrow, 1)
    self.expand1x1 = nn.Conv2d(narrow, wide, 1)
    self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

  def forward(self, x):
    x = self.squeeze(x).relu()
    return torch.cat([self.expand1x1(x), self.expand3x3(x)], 1).relu()


def _squeeze():
  def pool():
    return nn.MaxPool2d(3, 2, ceil_mode=True)

  return [
    *(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool()),
    *(_Fire(64, 16, 64), _Fire(128, 16, 64), pool()),
    *(_Fire(128, 32, 128), _Fire(256, 32, 128), pool()),
    *(_Fire(256, 48, 192), _Fire(384, 48, 192)),
    *(_Fire(384, 64, 256), _Fire(512, 64, 256)),
  ]


def _alex():
  return [
    *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
    *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
    *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
    *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
    *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
  ]


def _vgg():
  parts, inputs = [], 3
  for count, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
    for _ in range(count):
      parts += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
      inputs = channels
    parts.append(nn.MaxPool2d(2))
  return parts[:-1]


class Backbone(nn.Module):
  """The `features` of a classifier, and a small part of the rest."""

  def __init__(self, name: str):
    super().__init__()
    torch.manual_seed(1)
    parts = {"squeeze": _squeeze, "alex": _alex, "vgg": _vgg}[name]()
    self.features = nn.Sequential(*parts)
    self.classifier = nn.Sequential(nn.Linear(3, 2))
    for parameter in self.features.parameters():
      if parameter.ndim == 4:
        nn.init.kaiming_normal_(parameter)


def heads(name: str) -> dict[str, torch.Tensor]:
  """The linear layers' weights, named as in the authors' files."""
  generator = torch.Generator().manual_seed(2)
  return {
    f"lin{i}.model.1.weight": torch.rand(1, count, 1, 1, generator=generator)
    for i, count in enumerate(TAPS[name].values())
  }


@torch.no_grad()
def distance(name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
  """Compares [n, 3, H, W] in [-1, 1]; returns [n]."""
  backbone, weights = Backbone(name), heads(name).values()
  mean = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
  deviation = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
  a, b = ((x - mean) / deviation for x in (a, b))
  distances = []
  for i, part in enumerate(backbone.features):
    a, b = part(a), part(b)
    if i in TAPS[name]:
      directions = [functional.normalize(x, dim=1, eps=1e-10) for x in (a, b)]
      distances.append((directions[0] - directions[1]) ** 2)
  return sum(
    (weight * each).sum(1).mean((1, 2))
    for weight, each in zip(weights, distances, strict=True)
  )
