"""The first steps of a GAN, by how its discriminators' dense layers start.

See `dense_initializers`, the program.
"""

import contextlib
import typing
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import ml_collections

from srfeat_jax import errors
from srfeat_jax.batches import on_host, training_images
from srfeat_jax.models import srgan_discriminator, vgg19
from srfeat_jax.training import (
  degradation,
  forward_pass,
  log_averages,
  parallel,
  steps,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.weights import starts

INITIALIZERS = typing.get_args(srgan_discriminator.DenseInitializer)


def with_initializer(
  config: ml_collections.ConfigDict, initializer: str
) -> ml_collections.ConfigDict:
  """A copy of a config whose discriminators' dense layers start so.

  Args:
    config: of a run.
    initializer: one of `INITIALIZERS`.

  Raises:
    errors.InputError: no discriminator of the config has such layers.
  """
  config = config.copy_and_resolve_references().unlock()
  have_dense = [
    each
    for each in config.discriminators.values()
    if each.architecture == "srgan" and each.get("logits", "image") == "image"
  ]
  if not have_dense:
    raise errors.InputError(
      "config.discriminators has none with dense layers: expected an"
      ' architecture "srgan" with logits "image", as in configs/gan.py'
    )
  for discriminator in have_dense:
    discriminator.dense_initializer = initializer
  return config


def rows(
  config: ml_collections.ConfigDict, every: int, num_probes: int
) -> Iterator[dict[str, dict[str, float]]]:
  """Trains, and yields what is seen at the start and every so many steps.

  Args:
    config: of the run; it trains `num_steps` steps.
    every: so many.
    num_probes: crops whose logits are shown.

  Yields:
    By discriminator: "step"; but for the first row, "D(real)", "D(fake)",
    "loss" and "gradient"; and "real" and "fake", logits `[num_probes, ...]`.
  """
  networks, vgg_variables = networks_lib.build(config)
  optimizers = optimizers_lib.build(config)
  mesh = parallel.make_mesh()
  state = starts.make(config, networks, optimizers, mesh, begins=True)
  vgg_variables = jax.device_put(
    vgg19.for_training(vgg_variables), parallel.replicated(mesh)
  )
  images = training_images.find(config)
  step = jax.jit(
    steps.make_step(config, networks, optimizers, mesh), donate_argnums=0
  )
  degrade = degradation.make(config.degradation, networks.generator.scale)

  @jax.jit
  def logits(state, vgg_variables, probe):
    lr, hr, _ = degradation.of_batch(degrade, probe, jax.random.key(0))
    one = forward_pass.make(config, networks, state, vgg_variables, None)(
      lr, hr, None, jnp.zeros((len(hr), 1, 1, 1))
    )
    return {
      name: {
        kind: networks.discriminators[name].apply(
          each.variables, images.input_of(name)
        )
        for kind, images in (("real", one.real), ("fake", one.fake))
      }
      for name, each in state.discriminators.items()
    }

  others = config.copy_and_resolve_references()
  others.seed = config.seed + 1  # crops that training does not begin with
  with contextlib.closing(
    on_host.Batches(others, images, mesh, num_probes)
  ) as probes:
    probe = next(probes)
  seen = {
    name: {"step": 0, **each}
    for name, each in logits(state, vgg_variables, probe).items()
  }
  yield seen
  averages = log_averages.LogAverages()
  crops = steps.num_batches(config) * config.batch_size
  with contextlib.closing(
    on_host.Batches(config, images, mesh, crops)
  ) as batches:
    for number in range(1, config.num_steps + 1):
      state, scalars = step(state, vgg_variables, next(batches))
      jax.block_until_ready(scalars)
      averages.append(number, scalars)
      if number % every and number != config.num_steps:
        continue
      means = averages.flush()
      seen = logits(state, vgg_variables, probe)
      yield {
        name: {
          "step": number,
          "D(real)": means[f"probability/{name}_real"],
          "D(fake)": means[f"probability/{name}_fake"],
          "loss": means[f"loss/discriminator_{name}"],
          "gradient": means[f"gradient_norm/{name}_discriminator"],
          **each,
        }
        for name, each in seen.items()
      }
