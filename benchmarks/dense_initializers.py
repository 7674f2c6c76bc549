"""What the start of SRGAN's dense layers does to the first steps of a GAN.

  python -m benchmarks.dense_initializers --config=configs/gan.py:srgan_lite \
    --config.init_from=srfeat-lite --config.vgg_weights=VGG19_FILE \
    --config.data.train=FOLDER --config.num_steps=500

The config's run, once for each initializer of the discriminators' dense layers
and from the same seed, so with the same crops, generator and convolutions. A
row every `--every` steps: D(real), D(fake), the discriminator's loss and the
norm of its gradient, means over these steps; and the logits of `--probe` real
crops and of what the generator makes of them, always the same. Nothing is
written but the table.
"""

import numpy as np
from absl import flags

from benchmarks import first_steps
from srfeat_jax import cli, config_flag
from srfeat_jax.training import config_checks, parallel

_CONFIG = config_flag.define()
_EVERY = flags.DEFINE_integer("every", 20, "steps of a row", lower_bound=1)
_PROBE = flags.DEFINE_integer(
  "probe", 32, "crops whose logits are shown", lower_bound=1
)
_HEAD = (
  *("initializer", "discriminator", "step", "D(real)", "D(fake)", "loss"),
  *("gradient", "logits of real: min / median / max", "of fake"),
)


def main(argv) -> None:
  """Prints the table, row by row."""
  del argv
  config = _CONFIG.value
  configs = {
    name: first_steps.with_initializer(config, name)
    for name in first_steps.INITIALIZERS
  }
  config_checks.check(config)
  parallel.check_batch_size(config.batch_size)
  print(
    f"{config.batch_size} crops of {config.crop_size} px, seed {config.seed}"
  )
  print(f"| {' | '.join(_HEAD)} |")
  print("|---|---|---:|---:|---:|---:|---:|---|---|")
  for initializer, each in configs.items():
    for row in first_steps.rows(each, _EVERY.value, _PROBE.value):
      for name, seen in row.items():
        print(f"| {initializer} | {name} | {_said(seen)} |", flush=True)


def _said(seen: dict[str, float]) -> str:
  numbers = [
    f"{seen[key]:.3g}" if key in seen else ""
    for key in ("D(real)", "D(fake)", "loss", "gradient")
  ]
  ranges = [
    " / ".join(
      f"{of(np.asarray(seen[kind])):.1f}" for of in (np.min, np.median, np.max)
    )
    for kind in ("real", "fake")
  ]
  return " | ".join([str(seen["step"]), *numbers, *ranges])


if __name__ == "__main__":
  cli.run(main)
