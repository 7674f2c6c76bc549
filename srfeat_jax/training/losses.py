"""Losses, as float32 scalars: of images, of features, of logits.

`GENERATOR` lists the terms of the generator's loss: their names, from which the
fields of their weights follow, what they need, and what is wrong with their
settings. The training step, the check of a config and the networks go by it.

Images are in [0, 1]. All means are over what the arrays hold, which for arrays
split over devices is the global batch: under jit the loss and its gradients do
not depend on the number of devices.

`real` and `fake` are a discriminator's logits for HR and for SR: one per image,
[b], or per pixel or patch, [b, h, w]; means are over all of them, also those
that relativistic logits are compared with. Gradients stop as in BasicSR: in the
generator's loss at `real`; in the discriminator's at those means. The caller
sees to it that the discriminator's loss does not reach the generator: it
differentiates with respect to the discriminator's parameters alone.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections

from srfeat_jax import errors
from srfeat_jax.ops import pixels

_CHECKERBOARD_WINDOW = 8  # LR pixels
_SMALLEST_STEP = 0.1 / 255  # a flat image has no steps to compare


class Compared(NamedTuple):
  """What a term of the generator's loss may compare.

  Attributes:
    sr: the generator's output, float32 `[b, H, W, 3]`.
    hr: the target, HR or what a teacher made, of the same shape.
    sr_features: of SR by layer of VGG-19, `[b, h, w, c]` each; the layers that
      some loss or discriminator needs.
    hr_features: those of the target.
    scale: scale factor.
    sr_logits: a discriminator's of SR, `[b]` or `[b, h, w]`, for losses of
      logits; None for others.
    hr_logits: likewise, of HR.
  """

  sr: jax.Array
  hr: jax.Array
  sr_features: Mapping[str, jax.Array]
  hr_features: Mapping[str, jax.Array]
  scale: int
  sr_logits: Any = None
  hr_logits: Any = None


@dataclasses.dataclass(frozen=True)
class Loss:
  """A term of the generator's loss.

  Attributes:
    name: its weight is `config.losses.NAME_weight`, and 0 leaves it out; it is
      logged as `loss/NAME`.
    value: from what is compared and `config.losses` to a float32 scalar, before
      it is multiplied by its weight.
    alone: whether a generator can learn from it without another loss.
    of_logits: whether it is of each discriminator's logits. It is then one term
      for each of them, `loss/NAME_DISCRIMINATOR`, all of the same weight.
    layers: the field of `config.losses` whose keys are the layers of VGG-19
      that it needs; "" if it needs none.
    problem: from `config.losses` to what is wrong with its settings, one
      sentence, "" if nothing is. Asked only if its weight is not 0.
  """

  name: str
  value: Callable[[Compared, ml_collections.ConfigDict], jax.Array]
  alone: bool = True
  of_logits: bool = False
  layers: str = ""
  problem: Callable[[ml_collections.ConfigDict], str] = lambda config: ""

  @property
  def field(self) -> str:
    """Its weight's field of `config.losses`."""
    return f"{self.name}_weight"

  def weight(self, config: ml_collections.ConfigDict) -> float:
    """Its weight, from `config.losses`."""
    return config[self.field]


def pixel(sr: jax.Array, hr: jax.Array, kind: str) -> jax.Array:
  """Mean over batch, height, width and channels of the pixel difference.

  Args:
    sr: the generator's output, `[b, H, W, 3]`.
    hr: the target, of the same shape.
    kind: "mse", squared (Ledig et al. 2017, equation 4), or "l1", absolute.

  Raises:
    errors.InputError: another kind.
  """
  return _mean_difference(sr, hr, kind, "config.losses.pixel")


def checkerboard(sr: jax.Array, hr: jax.Array, scale: int) -> jax.Array:
  """Checkerboard artifacts: errors that repeat with each LR pixel.

  Each LR pixel becomes `scale` x `scale` pixels. The difference of each of
  these, and of each channel, is averaged over windows of LR pixels, where
  detail cancels and a checkerboard does not; the loss is the mean absolute
  value of these averages.

  Args:
    sr: the generator's output, `[b, H, W, 3]`.
    hr: the target, of the same shape.
    scale: scale factor.
  """
  difference = pixels.pixel_unshuffle(sr - hr, scale)
  sides = [min(side, _CHECKERBOARD_WINDOW) for side in difference.shape[1:3]]
  window = (1, *sides, 1)
  sums = jax.lax.reduce_window(
    difference, 0.0, jax.lax.add, window, window, "VALID"
  )
  return jnp.mean(jnp.abs(sums)) / math.prod(sides)


def phase(sr: jax.Array, hr: jax.Array, scale: int) -> jax.Array:
  """Checkerboard artifacts: steps between neighbors that favor some phases.

  The mean absolute difference of neighboring pixels is much the same at every
  column modulo `scale` in natural images, see `ops.artifacts.checkerboard`. Of
  each image and both directions, this is the mean square of how far SR's means,
  divided by their mean, are from HR's.

  Args:
    sr: the generator's output, `[b, H, W, 3]`.
    hr: the target, of the same shape.
    scale: scale factor; H and W are multiples of it.
  """
  difference = _steps_by_phase(sr, scale) - _steps_by_phase(hr, scale)
  return jnp.mean(jnp.square(difference))


def perceptual(
  sr: Mapping[str, jax.Array],
  hr: Mapping[str, jax.Array],
  weights: Mapping[str, float],
  kind: str,
  feature_scale: float = 1.0,
) -> jax.Array:
  """Sum over layers of the weighted mean difference of features.

  Args:
    sr: features of the generator's output by layer, `[b, h, w, c]` each.
    hr: those of the target.
    weights: of the layers that count; other features are ignored.
    kind: "mse" (Ledig et al. 2017, equation 5) or "l1" (BasicSR's ESRGAN).
    feature_scale: what features are multiplied by first: 1/12.75 in SRGAN and
      SRFeat.

  Raises:
    errors.InputError: another kind, or a layer without features.
  """
  total = jnp.zeros((), jnp.float32)
  for layer, weight in weights.items():
    if layer not in sr or layer not in hr:
      raise errors.InputError(
        f"the perceptual loss has a weight for the layer {layer!r}, of which"
        f" there are no features: expected one of {', '.join(sr)}"
      )
    # In float32 before they are scaled: bfloat16 would round once more.
    difference = _mean_difference(
      feature_scale * sr[layer].astype(jnp.float32),
      feature_scale * hr[layer].astype(jnp.float32),
      kind,
      "config.losses.perceptual",
    )
    total += weight * difference
  return total


def adversarial_generator(
  real: jax.Array, fake: jax.Array, kind: str
) -> jax.Array:
  """The generator's loss against a discriminator.

  Args:
    real: logits of the targets; without effect if the kind is "vanilla".
    fake: logits of the generator's images.
    kind: "vanilla", -log D(fake) (Ledig et al. 2017, equation 6), or
      "relativistic", the mean of -log(1 - D_Ra(real, fake)) and
      -log D_Ra(fake, real) (Wang et al. 2018, equation 2, halved as in
      BasicSR).

  Raises:
    errors.InputError: another kind.
  """
  if _is_relativistic(kind):
    real = jax.lax.stop_gradient(real)
    return (
      _cross_entropy(_relative(real, fake), target=0)
      + _cross_entropy(_relative(fake, real), target=1)
    ) / 2
  return _cross_entropy(fake, target=1)


def adversarial_discriminator(
  real: jax.Array, fake: jax.Array, kind: str
) -> jax.Array:
  """A discriminator's loss, of telling real from fake.

  Args:
    real: logits of the targets.
    fake: logits of the generator's images.
    kind: "vanilla", -log D(real) - log(1 - D(fake)) (Park et al. 2018), or
      "relativistic", the mean of -log D_Ra(real, fake) and
      -log(1 - D_Ra(fake, real)) (Wang et al. 2018, equation 1, halved as in
      BasicSR).

  Raises:
    errors.InputError: another kind.
  """
  if _is_relativistic(kind):
    stop = jax.lax.stop_gradient
    return (
      _cross_entropy(_relative(real, stop(fake)), target=1)
      + _cross_entropy(_relative(fake, stop(real)), target=0)
    ) / 2
  return _cross_entropy(real, target=1) + _cross_entropy(fake, target=0)


def probabilities(
  real: jax.Array, fake: jax.Array, kind: str
) -> tuple[jax.Array, jax.Array]:
  """Mean D(real) and mean D(fake), in [0, 1], for the log.

  Of a relativistic discriminator, mean D_Ra(real, fake) and D_Ra(fake, real):
  how often a real image looks more real than fake ones on average.
  """
  if _is_relativistic(kind):
    real, fake = _relative(real, fake), _relative(fake, real)
  of_real, of_fake = (
    jnp.mean(jax.nn.sigmoid(each.astype(jnp.float32))) for each in (real, fake)
  )
  return of_real, of_fake


def _mean_difference(a, b, kind: str, field: str) -> jax.Array:
  difference = a.astype(jnp.float32) - b.astype(jnp.float32)
  if kind == "mse":
    return jnp.mean(jnp.square(difference))
  if kind == "l1":
    return jnp.mean(jnp.abs(difference))
  raise errors.InputError(f'{field} is "{kind}": expected "mse" or "l1"')


def _steps_by_phase(images: jax.Array, scale: int) -> jax.Array:
  """Relative steps between gray neighbors, `[2, b, scale]`, 1 on average."""
  luma = jnp.mean(images.astype(jnp.float32), axis=-1)

  def of_columns(x):
    size = jnp.abs(jnp.diff(x, axis=2, append=x[:, :, -1:]))
    means = jnp.mean(size.reshape(*x.shape[:2], -1, scale), axis=(1, 2))
    return means / (jnp.mean(means, axis=1, keepdims=True) + _SMALLEST_STEP)

  return jnp.stack([of_columns(luma), of_columns(jnp.swapaxes(luma, 1, 2))])


def _is_relativistic(kind: str) -> bool:
  if kind not in ("vanilla", "relativistic"):
    raise errors.InputError(
      f'config.losses.adversarial is "{kind}": expected "vanilla" or'
      ' "relativistic"'
    )
  return kind == "relativistic"


def _relative(logits: jax.Array, others: jax.Array) -> jax.Array:
  """Logits of D_Ra: how much more real than the others on average."""
  return logits.astype(jnp.float32) - jnp.mean(others.astype(jnp.float32))


def _cross_entropy(logits: jax.Array, target: int) -> jax.Array:
  """Mean of -log sigmoid(x) for target 1, of -log(1 - sigmoid(x)) for 0."""
  logits = logits.astype(jnp.float32)
  return jnp.mean(jax.nn.softplus(-logits if target else logits))


def _no_layer(config: ml_collections.ConfigDict) -> str:
  if any(config.perceptual_layers.values()):
    return ""
  return (
    f"config.losses.perceptual_weight is {config.perceptual_weight}, and no"
    " layer of config.losses.perceptual_layers has a weight: give one, as"
    " {'relu5_4': 1.0}, or set config.losses.perceptual_weight=0"
  )


# The terms of the generator's loss, in the order in which they are added up.
GENERATOR: tuple[Loss, ...] = (
  # Ledig et al. 2017, equation 4; Wang et al. 2018, L_1 in section 3.3.
  Loss("pixel", lambda x, config: pixel(x.sr, x.hr, config.pixel)),
  Loss(
    "checkerboard",
    lambda x, config: checkerboard(x.sr, x.hr, x.scale),
    alone=False,  # detail and noise without a period are nothing to it
  ),
  Loss(
    "phase",
    lambda x, config: phase(x.sr, x.hr, x.scale),
    alone=False,  # any image with steps at every phase is good to it
  ),
  # Ledig et al. 2017, equation 5; Park et al. 2018, L_p in section 3.
  Loss(
    "perceptual",
    lambda x, config: perceptual(
      x.sr_features,
      x.hr_features,
      config.perceptual_layers,
      config.perceptual,
      config.feature_scale,
    ),
    layers="perceptual_layers",
    problem=_no_layer,
  ),
  # Ledig et al. 2017, equation 6; Park et al. 2018, L_a of images and of
  # features in section 3; Wang et al. 2018, equation 2.
  Loss(
    "adversarial",
    lambda x, config: adversarial_generator(
      x.hr_logits,
      x.sr_logits,
      config.adversarial,
    ),
    of_logits=True,
  ),
)
