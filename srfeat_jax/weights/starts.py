"""Where a run begins: at random, or at weights that its config names."""

from collections.abc import Callable

import jax
import ml_collections
from jax.sharding import Mesh

from srfeat_jax.training import agreement, averages, parallel, warm_start
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.weights import fitting, lookup


def make(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
  mesh: Mesh,
  *,
  begins: bool,
) -> state_lib.TrainState:
  """The state at step 0.

  Args:
    config: of the run; read are `init_from`, `init_discriminators_from`, what
      `averages.kept` reads, `seed` and `fsdp`.
    networks: of the run.
    optimizers: theirs.
    mesh: all devices; `parallel.of_state` says what each has of the state.
    begins: whether the run begins; if not, its checkpoint replaces all arrays,
      and what it began with need not be there any more.

  Raises:
    errors.InputError: weights are missing, of other networks, or not the same
      in all processes.
  """

  def load():
    generator, discriminators = {}, {}
    if begins and config.init_from:
      generator = lookup.load_for(networks.generator, config.init_from)
    if begins and config.init_discriminators_from:
      expected = jax.eval_shape(networks.init, jax.random.key(0))[1]
      discriminators = warm_start.discriminators(
        config.init_discriminators_from, expected
      )
    return generator, discriminators

  initial = agreement.same(load, agreement.fingerprint, "starting weights")

  start = _start(config, networks, optimizers)
  whole = jax.eval_shape(start, initial)
  shardings = parallel.of_state(whole, mesh, config.fsdp)
  return jax.jit(start, out_shardings=shardings)(initial)


def shapes(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
) -> state_lib.TrainState:
  """The tree of `make`, of `jax.ShapeDtypeStruct` in place of arrays."""
  return jax.eval_shape(_start(config, networks, optimizers), ({}, {}))


def _start(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
) -> Callable:
  """From variables of generator and discriminators, as far as there are any."""

  def start(initial):
    of_generator, of_discriminators = networks.init(jax.random.key(config.seed))
    return state_lib.start(
      fitting.completed(initial[0], of_generator),
      optimizers.generator,
      of_discriminators | initial[1],
      optimizers.discriminator,
      keep_ema=averages.kept(config),
    )

  return start
