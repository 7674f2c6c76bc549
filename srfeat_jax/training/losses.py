"""Losses, as float32 scalars: of features and of logits, and a table of all.

`GENERATOR` lists the terms of the generator's loss: their names, from which the
fields of their weights follow, what they need, and what is wrong with their
settings. The training step, the check of a config and the networks go by it.
`image_losses` has those of images.

Images are in [0, 1]. All means are over what the arrays hold, which for arrays
split over devices is the global batch: under jit the loss and its gradients do
not depend on the number of devices.

`real` and `fake` are a discriminator's logits for HR and for SR: one per image,
[b], or per pixel or patch, [b, h, w]; means are over all of them, also those
that relativistic logits are compared with. Gradients stop in the generator's
loss at `real`; in the discriminator's at those means if asked. The caller sees
to it that the discriminator's loss does not reach the generator: it
differentiates with respect to the discriminator's parameters alone.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections

from srfeat_jax import errors
from srfeat_jax.training import image_losses

PERCEPTUAL = ("mse", "l1")  # kinds of perceptual loss
# Kinds of adversarial loss.
ADVERSARIAL = (
  "vanilla",
  "saturating",
  "relativistic",
  "hinge",
  "least_squares",
)


class Compared(NamedTuple):
  """What a term of the generator's loss may compare.

  Attributes:
    sr: the generator's output, float32 `[b, H, W, 3]`.
    hr: the target, HR or what a teacher made, of the same shape.
    sr_features: of SR by layer of VGG-19, `[b, h, w, c]` each; the layers that
      some loss or discriminator needs.
    hr_features: those of the target.
    scale: scale factor.
    ema_sr: the output of the running average of the generator's weights, for
      losses of it; None for others.
    sr_logits: a discriminator's of SR, `[b]` or `[b, h, w]`, for losses of
      logits; None for others.
    hr_logits: likewise, of HR.
    sr_maps: the feature maps inside a discriminator, `[b, h, w, c]` each and
      `[b, c]`, of SR, for losses of maps; None for others.
    hr_maps: likewise, of HR.
  """

  sr: jax.Array
  hr: jax.Array
  sr_features: Mapping[str, jax.Array]
  hr_features: Mapping[str, jax.Array]
  scale: int
  ema_sr: Any = None
  sr_logits: Any = None
  hr_logits: Any = None
  sr_maps: Any = None
  hr_maps: Any = None


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
    of_maps: whether it is of the feature maps inside each discriminator of
      features. It is then one term for each of them, likewise.
    of_ema: whether it compares the output of the running average of the
      generator's weights, which the run then has to keep.
    layers: the field of `config.losses` whose keys are the layers of VGG-19
      that it needs; "" if it needs none.
    problem: from `config.losses` to what is wrong with its settings, one
      sentence, "" if nothing is. Asked only if its weight is not 0.
  """

  name: str
  value: Callable[[Compared, ml_collections.ConfigDict], jax.Array]
  alone: bool = True
  of_logits: bool = False
  of_maps: bool = False
  of_ema: bool = False
  layers: str = ""
  problem: Callable[[ml_collections.ConfigDict], str] = lambda config: ""

  @property
  def field(self) -> str:
    """Its weight's field of `config.losses`."""
    return f"{self.name}_weight"

  def weight(self, config: ml_collections.ConfigDict) -> float:
    """Its weight, from `config.losses`."""
    return config[self.field]


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
    difference = image_losses.mean_difference(
      feature_scale * sr[layer].astype(jnp.float32),
      feature_scale * hr[layer].astype(jnp.float32),
      kind,
      "config.losses.perceptual",
      '"mse" or "l1"',
    )
    total += weight * difference
  return total


def feature_matching(
  sr: Sequence[jax.Array], hr: Sequence[jax.Array]
) -> jax.Array:
  """Mean absolute difference of feature maps inside a discriminator.

  The mean over maps of the mean over what each holds (Wang et al. 2018,
  pix2pixHD, equation 4, divided by the number of maps). Gradients stop at HR's.

  Args:
    sr: the maps of SR, the output of each activation.
    hr: those of HR.

  Raises:
    errors.InputError: there are none.
  """
  if not sr:
    raise errors.InputError(
      "config.losses.feature_matching_weight: the discriminator of features has"
      " no models.layers.LeakyReLU, whose outputs the loss compares: give it"
      " some, or set the weight to 0"
    )
  differences = [
    jnp.mean(jnp.abs(a.astype(jnp.float32) - b.astype(jnp.float32)))
    for a, b in zip(sr, jax.lax.stop_gradient(hr), strict=True)
  ]
  return jnp.mean(jnp.stack(differences))


def adversarial_generator(
  real: jax.Array, fake: jax.Array, kind: str
) -> jax.Array:
  """The generator's loss against a discriminator.

  Args:
    real: logits of the targets; with effect on the relativistic loss alone.
    fake: logits of the generator's images.
    kind: "vanilla", -log D(fake) (Ledig et al. 2017, equation 6);
      "saturating", log(1 - D(fake)), whose gradient vanishes where D is sure
      (Goodfellow et al. 2014, equation 1); "relativistic", the mean of
      -log(1 - D_Ra(real, fake)) and -log D_Ra(fake, real) (Wang et al. 2018,
      equation 2, halved as in BasicSR); "hinge", -fake (Lim and Ye 2017; Miyato
      et al. 2018, equation 17); or "least_squares", (fake - 1)^2 / 2 (Mao et
      al. 2017, equation 9).

  Raises:
    errors.InputError: another kind.
  """
  if kind == "hinge":
    return -_mean(fake)
  if kind == "least_squares":
    return _mean(jnp.square(fake.astype(jnp.float32) - 1)) / 2
  if _is_relativistic(kind):
    real = jax.lax.stop_gradient(real)
    return (
      _cross_entropy(_relative(real, fake), target=0)
      + _cross_entropy(_relative(fake, real), target=1)
    ) / 2
  if kind == "saturating":
    return -_cross_entropy(fake, target=0)
  return _cross_entropy(fake, target=1)


def adversarial_discriminator(
  real: jax.Array, fake: jax.Array, kind: str, detach: bool = True
) -> jax.Array:
  """A discriminator's loss, of telling real from fake.

  Args:
    real: logits of the targets.
    fake: logits of the generator's images.
    kind: "vanilla" or "saturating", -log D(real) - log(1 - D(fake)) (Park et
      al. 2018; Goodfellow et al. 2014, equation 1); "relativistic", the mean of
      -log D_Ra(real, fake) and -log(1 - D_Ra(fake, real)) (Wang et al. 2018,
      equation 1, halved as in BasicSR); "hinge", max(0, 1 - real) +
      max(0, 1 + fake) (Miyato et al. 2018, equation 16); or "least_squares",
      (real - 1)^2 / 2 + fake^2 / 2 (Mao et al. 2017, equation 9).
    detach: whether gradients stop at the means that relativistic logits are
      compared with, as in BasicSR; in the paper's equation they do not. Without
      effect for other kinds.

  Raises:
    errors.InputError: another kind.
  """
  if kind == "hinge":
    return _mean(jax.nn.relu(1 - real)) + _mean(jax.nn.relu(1 + fake))
  if kind == "least_squares":
    real, fake = real.astype(jnp.float32), fake.astype(jnp.float32)
    return (_mean(jnp.square(real - 1)) + _mean(jnp.square(fake))) / 2
  if _is_relativistic(kind):
    others = (fake, real)
    if detach:
      others = jax.lax.stop_gradient(others)
    return (
      _cross_entropy(_relative(real, others[0]), target=1)
      + _cross_entropy(_relative(fake, others[1]), target=0)
    ) / 2
  return _cross_entropy(real, target=1) + _cross_entropy(fake, target=0)


def probabilities(
  real: jax.Array, fake: jax.Array, kind: str
) -> tuple[jax.Array, jax.Array]:
  """Mean D(real) and mean D(fake), in [0, 1], for the log.

  0.5 of what D is undecided about; 1 and 0 where its loss has nothing left to
  gain, which for each kind is elsewhere:

  - of logits that are log-odds the mean of their sigmoid, which relativistic
    ones are of D_Ra: how often a real image looks more real than fake ones on
    average;
  - of hinge, whose loss is 0 beyond logits of 1 for real and -1 for fake, the
    mean place between these: so 1 - D(real) and D(fake) are half of its losses,
    as long as no logit is beyond the wrong one;
  - of least squares the mean logit, clipped: it is to be 1 for real and 0 for
    fake, and logits scatter around these.
  """
  if kind == "least_squares":
    return jnp.clip(_mean(real), 0, 1), jnp.clip(_mean(fake), 0, 1)
  if kind == "hinge":
    return _mean(_between_margins(real)), _mean(_between_margins(fake))
  if _is_relativistic(kind):
    real, fake = _relative(real, fake), _relative(fake, real)
  of_real, of_fake = (
    jnp.mean(jax.nn.sigmoid(each.astype(jnp.float32))) for each in (real, fake)
  )
  return of_real, of_fake


def _between_margins(logits: jax.Array) -> jax.Array:
  """0 at the hinge loss's margin of fake, -1, and 1 at that of real."""
  return jnp.clip((1 + logits.astype(jnp.float32)) / 2, 0, 1)


def _is_relativistic(kind: str) -> bool:
  if kind not in ADVERSARIAL:
    expected = ", ".join(f'"{each}"' for each in ADVERSARIAL)
    raise errors.InputError(
      f'config.losses.adversarial is "{kind}": expected one of {expected}'
    )
  return kind == "relativistic"


def _mean(logits: jax.Array) -> jax.Array:
  return jnp.mean(logits.astype(jnp.float32))


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
  Loss("pixel", lambda x, config: image_losses.pixel(x.sr, x.hr, config.pixel)),
  Loss(
    "checkerboard",
    lambda x, config: image_losses.checkerboard(x.sr, x.hr, x.scale),
    alone=False,  # detail and noise without a period are nothing to it
  ),
  Loss(
    "phase",
    lambda x, config: image_losses.phase(x.sr, x.hr, x.scale),
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
  Loss("ms_ssim", lambda x, config: image_losses.ms_ssim(x.sr, x.hr)),
  Loss("fft", lambda x, config: image_losses.fft(x.sr, x.hr)),
  Loss(
    "ldl",
    lambda x, config: image_losses.ldl(x.sr, x.hr, x.ema_sr),
    alone=False,  # 0 where the average is no better
    of_ema=True,
  ),
  Loss(
    "feature_matching",
    lambda x, config: feature_matching(x.sr_maps, x.hr_maps),
    alone=False,  # images may differ where a discriminator does not look
    of_maps=True,
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
