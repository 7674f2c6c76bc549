"""The same training steps in PyTorch, as its users run them.

A step does what BasicSR's does, in its order: the generator first, each
discriminator's real and fake loss backpropagated in turn. Unlike BasicSR's it
takes LR images ready made (ours makes its own), and looks at HR features once
for all losses. Adam is fused, and bfloat16 comes by autocast.
"""

import contextlib

import numpy as np
import torch
from torch.nn import functional

from benchmarks import peers
from srfeat_jax.ops import resize


class TrainStep:
  """A training step with its networks and optimisers.

  Attributes:
    generator: the network in training.
    discriminators: likewise, by what they look at.
    features: VGG-19 with random weights, None if no loss needs it.
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
      device: where.
      compiled: use `torch.compile`.
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
    # The calls that are compiled, beside the modules that hold parameters.
    wrap = torch.compile if compiled else lambda module: module
    self._generate = wrap(self.generator)
    self._look_deep = wrap(self.features) if self.features else None
    self._judges = {k: wrap(v) for k, v in self.discriminators.items()}

  def __call__(self, count: int) -> dict[str, float]:
    """Takes that many steps, waits for them and returns the last's losses."""
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
    fake = self._look(sr.float())
    with torch.no_grad():
      real = self._look(hr)
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

  def _look(self, image: torch.Tensor) -> dict:
    """What losses and discriminators see of an image."""
    view = {"image": image, "layers": {}}
    if self.features:
      with self._autocast():
        layers = self._look_deep(image)
      view["layers"] = {
        name: self._settings.feature_scale * x.float()
        for name, x in layers.items()
      }
      if "feature" in self.discriminators:
        view["feature"] = view["layers"][self._settings.feature_layer]
    return view

  def _judge(self, name: str, view: torch.Tensor) -> torch.Tensor:
    with self._autocast():
      return self._judges[name](view).float()

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
        real_logits = self._judge(name, real[name]).detach()
        fake_logits = self._judge(name, fake[name])
        loss = (
          _cross_entropy(real_logits - fake_logits.mean(), 0)
          + _cross_entropy(fake_logits - real_logits.mean(), 1)
        ) / 2
      else:
        loss = _cross_entropy(self._judge(name, fake[name]), 1)
      losses[f"loss/adversarial_{name}"] = loss
      total += settings.adversarial_weight * loss
    return total, losses

  def _discriminator_backward(self, name, real, fake) -> torch.Tensor:
    """Backpropagates both losses one after the other; returns their sum."""
    weight = self._settings.discriminator_weight
    if self._settings.adversarial == "relativistic":
      with torch.no_grad():
        others = self._judge(name, fake).mean()
      real_logits = self._judge(name, real)
      real_loss = _cross_entropy(real_logits - others, 1) / 2
      (weight * real_loss).backward()
      others = real_logits.detach().mean()
      fake_loss = _cross_entropy(self._judge(name, fake) - others, 0) / 2
    else:
      real_loss = _cross_entropy(self._judge(name, real), 1)
      (weight * real_loss).backward()
      fake_loss = _cross_entropy(self._judge(name, fake), 0)
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
