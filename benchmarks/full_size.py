"""One training step of a config at its full size: does it run, at what cost?

  python -m benchmarks.full_size --config=configs/pretrain.py:srfeat

Prints parameters, compilation time, floating-point operations, the time of a
second step and the largest resident memory of the process.
"""

import resource
import time

import jax
import numpy as np
from absl import app
from ml_collections import config_flags

from srfeat_jax import models
from srfeat_jax.training import optimizers, state, steps

_CONFIG = config_flags.DEFINE_config_file("config")


def main(argv):
  """Builds the state and takes two steps on noise."""
  del argv
  config = _CONFIG.value
  generator = models.build(config.generator)
  schedule = optimizers.learning_rate(config.learning_rate, config.num_steps)
  optimizer = optimizers.adam(config.optimizer, schedule)
  create = jax.jit(
    lambda key: state.create(
      generator, optimizer, key, keep_ema=config.ema_decay > 0
    )
  )
  now = create(jax.random.key(config.seed))
  parameters = sum(x.size for x in jax.tree.leaves(now.generator.params))
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  hr = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

  step = steps.make_pixel_step(config, generator, optimizer, schedule)
  start = time.perf_counter()
  compiled = jax.jit(step, donate_argnums=0).lower(now, hr).compile()
  compile_seconds = time.perf_counter() - start
  times = []
  for _ in range(2):
    start = time.perf_counter()
    now, metrics = compiled(now, hr)
    jax.block_until_ready(now)
    times.append(time.perf_counter() - start)
  kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  print(
    f"{config.generator.architecture}, batch {shape[0]} of {shape[1]} px:"
    f" {parameters:,} parameters, compiled in {compile_seconds:.1f} s,"
    f" {compiled.cost_analysis()['flops'] / 1e12:.2f} TFLOP a step, second"
    f" step {times[1]:.1f} s, peak memory {kib / 2**20:.1f} GiB, loss"
    f" {float(metrics['loss/pixel']):.4f}, on {jax.devices()[0].device_kind}"
  )


if __name__ == "__main__":
  app.run(main)
