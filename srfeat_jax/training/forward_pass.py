"""What the networks make of a batch: SR, features, targets.

All losses of a step share one pass through generator and VGG-19. Discriminators
are no part of it, they are run by what they are run for.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import ml_collections

from srfeat_jax.training import batch_norm, losses, teacher
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib


class Images(NamedTuple):
  """A batch of images and VGG-19's features of them.

  Attributes:
    image: HR or SR, float32 `[b, H, W, 3]`, nominally in [0, 1].
    features: by layer of VGG-19, `[b, h, w, c]` each; {} without it.
    discriminator_features: what a discriminator of features takes,
      `[b, h, w, c]`; None without one.
  """

  image: jax.Array
  features: Mapping[str, jax.Array]
  discriminator_features: jax.Array | None

  def input_of(self, discriminator: str) -> Any:
    """What the discriminator of this role takes, see `networks.ROLES`."""
    role = networks_lib.ROLES[discriminator]
    return self.discriminator_features if role.of_features else self.image


class Pass(NamedTuple):
  """What the networks made of a batch, or of a part of it.

  Attributes:
    real: HR.
    target: what losses compare SR with: HR, or a share of it and of what a
      teacher makes of LR.
    fake: SR.
    ema_sr: the output of the generator's running average, `[b, H, W, 3]`; None
      if no loss is of it.
    real_share: of each real image in a mixture with its fake one, see
      `penalties.gradient_penalty`, `[b, 1, 1, 1]`.
    pullback: takes gradients with respect to `fake` to those of the generator's
      parameters.
    batch_stats: the generator's, after the batch.
  """

  real: Images
  target: Images
  fake: Images
  ema_sr: jax.Array | None
  real_share: jax.Array
  pullback: Callable
  batch_stats: Any


def make(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  state: state_lib.TrainState,
  vgg_variables: Any,
  teacher_variables: Any,
) -> Callable[[jax.Array, jax.Array, jax.Array | None, jax.Array], Pass]:
  """The pass of a step.

  Args:
    config: of the run; read are `losses`, `freeze_batch_norm` and
      `teacher_share`.
    networks: the modules.
    state: before the step.
    vgg_variables: of VGG-19, {} without it.
    teacher_variables: of the teacher, None without it.

  Returns:
    A pure function of LR `[b, h, w, 3]` and HR `[b, H, W, 3]`, float32 in
    [0, 1]; of a teacher's output as HR, None to compute it if there is a
    teacher; and of the shares `Pass.real_share`.
  """

  def extract(image: jax.Array) -> Images:
    return _extract_features(networks, config.losses, vgg_variables, image)

  def run(
    lr: jax.Array,
    hr: jax.Array,
    taught: jax.Array | None,
    real_share: jax.Array,
  ) -> Pass:
    def super_resolve(params):
      sr, batch_stats = _generate(
        networks, state.generator, params, lr, frozen=config.freeze_batch_norm
      )
      return extract(sr), batch_stats

    real = extract(hr)
    fake, pullback, batch_stats = jax.vjp(
      super_resolve, state.generator.params, has_aux=True
    )
    target, ema_sr = real, None
    if taught is None and networks.teacher is not None:
      taught = networks.teacher.output(teacher_variables, lr)
    if taught is not None:
      target = extract(teacher.target(taught, hr, config.teacher_share))
    if _needs_ema(config.losses):
      ema_sr = networks.generator.apply(state.ema, lr)
    return Pass(real, target, fake, ema_sr, real_share, pullback, batch_stats)

  return run


def _generate(
  networks: networks_lib.Networks,
  generator: state_lib.NetworkState,
  params: Any,
  lr: jax.Array,
  *,
  frozen: bool,
) -> tuple[jax.Array, Any]:
  """SR = G(LR), and the generator's batch statistics after it.

  Args:
    networks: the modules.
    generator: with the statistics before it.
    params: the generator's; with respect to them SR is differentiated.
    lr: `[b, h, w, 3]`.
    frozen: whether each BatchNorm's statistics, gamma and beta are constants.
  """
  if frozen:
    params = batch_norm.with_those_of(
      params, generator.params, generator.batch_stats
    )
  sr, updates = networks.generator.apply(
    {"params": params, "batch_stats": generator.batch_stats},
    lr,
    train=not frozen,
    mutable=["batch_stats"],
  )
  if frozen:
    return sr, generator.batch_stats
  return sr, updates.get("batch_stats", {})


def _extract_features(
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  vgg_variables: Any,
  image: jax.Array,
) -> Images:
  """An image and phi(image), VGG-19's features of it.

  A discriminator of features takes them scaled (Park et al. 2018, section 3;
  the factor is that of Ledig et al. 2017, section 3.2).
  """
  if networks.vgg is None:
    return Images(image, features={}, discriminator_features=None)
  features = networks.vgg.apply(vgg_variables, image)
  discriminator_features = None
  if networks_lib.need_features(networks.discriminators):
    discriminator_features = (
      loss_config.feature_scale * features[loss_config.feature_layer]
    )
  return Images(image, features, discriminator_features)


def _needs_ema(loss_config: ml_collections.ConfigDict) -> bool:
  return any(
    loss.of_ema and loss.weight(loss_config) for loss in losses.GENERATOR
  )
