"""The same networks in PyTorch, as its users run them.

They are those with which the tests compare ours, with channels last, and on a
GPU with cudnn.benchmark and TF32. Their training is in `peer_training`.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

from tests.support.torch_networks import (
  torch_gan_models,
  torch_models,
  torch_vgg,
)

_GENERATORS = {
  "srfeat": torch_models.SRFeat,
  "srresnet": torch_models.SRResNet,
  "msrresnet": torch_models.MSRResNet,
  "rrdbnet": torch_gan_models.RRDBNet,
}
_OURS_ALONE = (
  "architecture",
  "initializer",
  "icnr",
  "dense_initializer",
  "dtype",
)
# Fields that the peers do not have, and the value that they stand for.
_FIXED = {
  "input_range": "unit",
  "blur_after_shuffle": False,
  "after_trunk": "batch_norm",
}


def prepare(threads: int = 0) -> torch.device:
  """Sets PyTorch up, and returns the device to compute on."""
  if threads:
    torch.set_num_threads(threads)
  torch.manual_seed(0)
  if not torch.cuda.is_available():
    return torch.device("cpu")
  torch.backends.cudnn.benchmark = True
  torch.set_float32_matmul_precision("high")
  torch.backends.cudnn.allow_tf32 = True
  return torch.device("cuda")


def synchronize(device: torch.device) -> None:
  """Waits until the device has done all its work."""
  if device.type == "cuda":
    torch.cuda.synchronize(device)


def generator(config) -> nn.Module:
  """Makes the generator of a config that `models.build` takes."""
  return _GENERATORS[config["architecture"]](**_fields(config))


def discriminator(config, channels: int) -> nn.Module:
  """Makes the discriminator of a config, for inputs with so many channels."""
  fields = _fields(config)
  if config["architecture"] == "vgg_style":
    return torch_gan_models.VGGStyleDiscriminator(**fields)
  return torch_gan_models.SRGANDiscriminator(channels=channels, **fields)


def num_parameters(module: nn.Module) -> int:
  """Returns the number of trained parameters."""
  return sum(x.numel() for x in module.parameters())


class Features(nn.Module):
  """VGG-19, which returns features by our names of its layers."""

  def __init__(self, layers: Iterable[str], settings: dict):
    """Makes it with random weights, which are not trained."""
    super().__init__()
    self._names = {torch_vgg.POSITIONS[layer]: layer for layer in layers}
    network = torch_vgg.features(ceil_mode=settings["pooling"] == "ceil")
    state = torch_vgg.state()
    network.load_state_dict(
      {k.removeprefix("features."): v for k, v in state.items()}
    )
    self.network = network[: max(self._names) + 1].requires_grad_(False)
    self._caffe = settings["preprocessing"] == "caffe"
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if self._caffe:
      mean, deviation = (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)
    for name, value in (("mean", mean), ("deviation", deviation)):
      self.register_buffer(name, torch.tensor(value)[:, None, None])

  def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """Maps [b, 3, H, W] in [0, 1] to features by layer."""
    x = image.flip(1) * 255 if self._caffe else image
    x = (x - self.mean) / self.deviation
    found = {}
    for i, module in enumerate(self.network):
      x = module(x)
      if i in self._names:
        found[self._names[i]] = x
    return found


class Generator:
  """A generator that upscales, with random weights."""

  def __init__(self, config: dict, device: torch.device, compiled=False):
    """Makes it in the config's dtype, if `compiled` with `torch.compile`."""
    self._device = device
    self._dtype = getattr(torch, config["dtype"])
    self.module = (
      generator(config)
      .eval()
      .to(device, self._dtype, memory_format=torch.channels_last)
    )
    self._call = torch.compile(self.module) if compiled else self.module

  def network(self, lr: np.ndarray) -> Callable[[int], None]:
    """Prepares the bare network on float32 [1, h, w, 3] on the device."""
    x = to_device(lr, self._device).to(self._dtype)

    @torch.inference_mode()
    def run(count: int) -> None:
      for _ in range(count):
        self._call(x)
      synchronize(self._device)

    return run

  def image(
    self, lr: np.ndarray, columns: int, rows: int
  ) -> Callable[[int], None]:
    """Prepares the upscaling of a uint8 image [h, w, 3] in a grid of tiles.

    The tiles do not overlap, which is less work than in our upscaler, but
    leaves seams.
    """

    @torch.inference_mode()
    def run(count: int) -> None:
      for _ in range(count):
        np.concatenate(
          [
            np.concatenate(
              [self._upscale(x) for x in np.split(band, columns, axis=1)],
              axis=1,
            )
            for band in np.split(lr, rows)
          ]
        )

    return run

  def _upscale(self, lr: np.ndarray) -> np.ndarray:
    x = to_device(lr[None], self._device).to(self._dtype) / 255
    sr = (self._call(x).float().clamp(0, 1) * 255).round().to(torch.uint8)
    return sr[0].permute(1, 2, 0).cpu().numpy()


def _fields(config) -> dict:
  fields = {k: v for k, v in dict(config).items() if k not in _OURS_ALONE}
  for name, value in _FIXED.items():
    assert fields.pop(name, value) == value, f"no peer has another {name}"
  return fields


def to_device(image: np.ndarray, device: torch.device) -> torch.Tensor:
  """Moves [b, h, w, 3] to the device as [b, 3, h, w], channels last."""
  return torch.from_numpy(image).to(device).permute(0, 3, 1, 2)
