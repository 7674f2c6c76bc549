"""One training step of a config at its full size: does it run, at what cost?

  python -m benchmarks.full_size --config=configs/pretrain.py:srfeat

Prints trained parameters, compilation time, floating-point operations, the time
of a second step and the largest resident memory of the process.
"""

import resource
import time

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

from srfeat_jax import cli
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state, steps

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "Python file of the config, with :VARIANT if it has any."
)
flags.mark_flag_as_required("config")


def main(argv):
  """Builds the state and takes two steps on noise."""
  del argv
  config = _CONFIG.value
  networks, vgg = networks_lib.build(config)
  optimizers = optimizers_lib.build(config)
  step = steps.make_step(config, networks, optimizers)

  def start(key):
    generator, discriminators = networks.init(key)
    return state.start(
      generator,
      optimizers.generator,
      discriminators,
      optimizers.discriminator,
      keep_ema=config.ema_decay > 0,
    )

  now = jax.jit(start)(jax.random.key(config.seed))
  networks_in_training = (now.generator, *now.discriminators.values())
  parameters = sum(
    x.size
    for network in networks_in_training
    for x in jax.tree.leaves(network.params)
  )
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  hr = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

  before = time.perf_counter()
  compiled = jax.jit(step, donate_argnums=0).lower(now, vgg, hr).compile()
  compile_seconds = time.perf_counter() - before
  times = []
  for _ in range(2):
    before = time.perf_counter()
    now, _ = compiled(now, vgg, hr)
    jax.block_until_ready(now)
    times.append(time.perf_counter() - before)
  kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  print(
    f"{config.generator.architecture}, batch {shape[0]} of {shape[1]} px:"
    f" {parameters:,} parameters, compiled in {compile_seconds:.1f} s,"
    f" {compiled.cost_analysis()['flops'] / 1e12:.2f} TFLOP a step, second"
    f" step {times[1]:.1f} s, peak memory {kib / 2**20:.1f} GiB, on"
    f" {jax.devices()[0].device_kind}"
  )


if __name__ == "__main__":
  cli.run(main)
