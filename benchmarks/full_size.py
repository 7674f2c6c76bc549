"""One training step of a config at its full size: does it run, at what cost?

  python -m benchmarks.full_size --config=configs/pretrain.py:srfeat

Prints the number of trained parameters, the compilation time, floating-point
operations, the time of the second step and the peak memory of the process.
Crops are noise, and VGG-19 has random weights.
"""

import time

import jax

from benchmarks import cases, machine, ours
from srfeat_jax import cli, config_flag

_CONFIG = config_flag.define()


def main(argv) -> None:
  """Takes two steps of the config."""
  del argv
  config = _CONFIG.value
  step = ours.TrainStep(config, cases.vgg_settings(config), cases.crops(config))
  step(1)
  before = time.perf_counter()
  step(1)
  seconds = time.perf_counter() - before
  print(
    f"{config.generator.architecture}, batch {config.batch_size} of"
    f" {config.crop_size} px: {sum(step.parameters.values()):,} parameters,"
    f" compiled in {step.compile_seconds:.1f} s, {step.flops / 1e12:.2f} TFLOP"
    f" per step, second step {seconds:.1f} s, peak memory"
    f" {machine.peak_host_bytes() / 2**30:.1f} GiB, on"
    f" {jax.devices()[0].device_kind}"
  )


if __name__ == "__main__":
  cli.run(main)
