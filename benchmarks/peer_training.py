"""The same training steps in PyTorch, as its users run them.

A step does what BasicSR's does, in its order: the generator first, then the
real and the fake loss of each discriminator are backpropagated in turn. Unlike
BasicSR's, it gets LR images ready made (ours makes its own), and extracts the
features of HR once for all losses. Adam is fused, and bfloat16 is by autocast.
"""

import contextlib

import numpy as np
import torch
from torch.nn import functional

from benchmarks import peers
from srfeat_jax.ops import resize


class TrainStep:
  """A training step with its networks and optimizers.

  Attributes:
    generator: the network that is trained.
    discriminators: likewise, by their input, "image" or "feature".
    features: VGG-19 with random weights; None if no loss needs it.
  """

  def __init__(
    self,
    config,
    vgg_settings: dict,
    hr: np.ndarray,
    device: torch.device,
    compiled: bool = False,
  ):
    """Makes the networks.

    Args:
      config: of one of our runs.
      vgg_settings: fields of our `vgg19.VGG19`.
      hr: uint8 crops [b, H, W, 3], the same for all steps.
      device: on which it trains.
      compiled: whether to use `torch.compile`.
    """
    self._settings = config.losses
    self._ema_decay = config.ema_decay
    self._device = device
    self._bfloat16 = config.generator.dtype == "bfloat16"
    lr = resize.resize(hr, 1 / config.generator.scale)
    self._lr, self._hr = (peers.to_device(x, device) for x in (lr, hr))

    def place(module):
      return module.to(device, memory_format=torch.channels_last)

    self.generator = place(peers.generator(config.generator))
    self.discriminators = {
      name: place(peers.discriminator(each, 3 if name == "image" else 512))
      for name, each in config.discriminators.items()
    }
    layers = set(config.losses.perceptual_layers)
    if "feature" in self.discriminators:
      layers.add(config.losses.feature_layer)
    self.features = (
      place(peers.Features(layers, vgg_settings)) if layers else None
    )
    self._optimizers = {
      "generator": _adam(
        self.generator.parameters(),
        config.optimizer,
        config.learning_rate.peak,
      ),
      **{
        name: _adam(
          module.parameters(),
          config.discriminator_optimizer,
          config.discriminator_learning_rate.peak,
        )
        for name, module in self.discriminators.items()
      },
    }
    self._ema = [x.detach().clone() for x in self.generator.parameters()]
    # The modules again, compiled if that is wanted.
    wrap = torch.compile if compiled else lambda module: module
    self._generate = wrap(self.generator)
    self._extract = wrap(self.features) if self.features else None
    self._discriminate = {k: wrap(v) for k, v in self.discriminators.items()}

  def __call__(self, count: int) -> dict[str, float]:
    """Takes that many steps, waits, and returns the losses of the last."""
    for _ in range(count):
      losses = self._step()
    peers.synchronize(self._device)
    return {name: float(value) for name, value in losses.items()}

  def _step(self) -> dict[str, torch.Tensor]:
    lr, hr = self._lr.float() / 255, self._hr.float() / 255
    for module in self.discriminators.values():
      module.requires_grad_(False)
    self._optimizers["generator"].zero_grad(set_to_none=True)
    with self._autocast():
      sr = self._generate(lr)
    fake = self._inputs_of(sr.float())
    with torch.no_grad():
      real = self._inputs_of(hr)
    total, losses = self._generator_loss(real, fake)
    total.backward()
    self._optimizers["generator"].step()
    for name, module in self.discriminators.items():
      module.requires_grad_(True)
      self._optimizers[name].zero_grad(set_to_none=True)
      losses[f"loss/discriminator_{name}"] = self._discriminator_backward(
        name, real[name], fake[name].detach()
      )
      self._optimizers[name].step()
    if self._ema_decay:
      new = [x.detach() for x in self.generator.parameters()]
      torch._foreach_lerp_(self._ema, new, 1 - self._ema_decay)
    return {name: value.detach() for name, value in losses.items()}

  def _autocast(self):
    if self._bfloat16:
      return torch.autocast(self._device.type, torch.bfloat16)
    return contextlib.nullcontext()

  def _inputs_of(self, image: torch.Tensor) -> dict:
    """The inputs of losses and discriminators, of an image."""
    inputs = {"image": image, "layers": {}}
    if self.features:
      with self._autocast():
        layers = self._extract(image)
      inputs["layers"] = {
        name: self._settings.feature_scale * x.float()
        for name, x in layers.items()
      }
      if "feature" in self.discriminators:
        inputs["feature"] = inputs["layers"][self._settings.feature_layer]
    return inputs

  def _logits_of(self, name: str, x: torch.Tensor) -> torch.Tensor:
    with self._autocast():
      return self._discriminate[name](x).float()

  def _generator_loss(self, real: dict, fake: dict):
    settings, losses, total = self._settings, {}, 0.0
    if settings.pixel_weight:
      losses["loss/pixel"] = _difference(
        fake["image"], real["image"], settings.pixel
      )
      total += settings.pixel_weight * losses["loss/pixel"]
    if settings.perceptual_weight:
      losses["loss/perceptual"] = sum(
        weight
        * _difference(
          fake["layers"][layer], real["layers"][layer], settings.perceptual
        )
        for layer, weight in settings.perceptual_layers.items()
      )
      total += settings.perceptual_weight * losses["loss/perceptual"]
    for name in self.discriminators:
      if settings.adversarial == "relativistic":
        real_logits = self._logits_of(name, real[name]).detach()
        fake_logits = self._logits_of(name, fake[name])
        loss = (
          _cross_entropy(real_logits - fake_logits.mean(), 0)
          + _cross_entropy(fake_logits - real_logits.mean(), 1)
        ) / 2
      else:
        loss = _cross_entropy(self._logits_of(name, fake[name]), 1)
      losses[f"loss/adversarial_{name}"] = loss
      total += settings.adversarial_weight * loss
    return total, losses

  def _discriminator_backward(self, name, real, fake) -> torch.Tensor:
    """Backpropagates the real, then the fake loss; returns their sum."""
    weight = self._settings.discriminator_weight
    if self._settings.adversarial == "relativistic":
      with torch.no_grad():
        fake_mean = self._logits_of(name, fake).mean()
      real_logits = self._logits_of(name, real)
      real_loss = _cross_entropy(real_logits - fake_mean, 1) / 2
      (weight * real_loss).backward()
      real_mean = real_logits.detach().mean()
      fake_logits = self._logits_of(name, fake)
      fake_loss = _cross_entropy(fake_logits - real_mean, 0) / 2
    else:
      real_loss = _cross_entropy(self._logits_of(name, real), 1)
      (weight * real_loss).backward()
      fake_loss = _cross_entropy(self._logits_of(name, fake), 0)
    (weight * fake_loss).backward()
    return real_loss.detach() + fake_loss.detach()


def _adam(parameters, config, learning_rate: float) -> torch.optim.Adam:
  return torch.optim.Adam(
    parameters,
    lr=learning_rate,
    betas=(config.b1, config.b2),
    eps=config.eps,
    fused=True,
  )


def _difference(a: torch.Tensor, b: torch.Tensor, kind: str) -> torch.Tensor:
  loss = {"mse": functional.mse_loss, "l1": functional.l1_loss}[kind]
  return loss(a, b)


def _cross_entropy(logits: torch.Tensor, target: int) -> torch.Tensor:
  return functional.binary_cross_entropy_with_logits(
    logits, torch.full_like(logits, target)
  )
