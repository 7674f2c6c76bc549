"""Shows training crops before and after a config's degradation.

  python -m srfeat_jax.degrade --config=configs/shipped.py:srfeat_photo \\
    --config.data.train=photos --output=degradations.png

Writes a contact sheet: each crop in HR next to its LR, upscaled to the same
size, with the parameters that were drawn for it.
"""

import functools
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, config_flag, errors

_CONFIG = config_flag.define(required=False)
_OUTPUT = flags.DEFINE_string(
  "output", None, "the PNG to write", required=True, short_name="o"
)
_COUNT = flags.DEFINE_integer("count", 24, "crops to show", lower_bound=1)


def main(argv: Sequence[str]) -> None:
  """Draws as the flags say."""
  if len(argv) > 1:
    raise errors.InputError(
      f"{argv[1]} is not a flag: name the folder of images by"
      " --config.data.train"
    )
  if _CONFIG.value is None:
    raise errors.InputError("--config is missing: name a file of configs/")
  import jax

  from srfeat_jax.batches import on_host, training_images
  from srfeat_jax.evaluation import plots
  from srfeat_jax.training import config_checks, degradation

  config = _CONFIG.value.copy_and_resolve_references()
  with config.unlocked():
    config.batch_size = _COUNT.value
  config_checks.check_ranges(config)
  scale = config.generator.scale
  degradation.check_crop_size(config.crop_size, scale)
  batches = on_host.crops(config, training_images.find(config))
  try:
    crops = next(batches)
  finally:
    batches.close()
  key = jax.random.key(config.seed)
  degrade = degradation.make(config.degradation, scale)
  make_pairs = functools.partial(degradation.of_batch, degrade)
  lr, hr, draws = jax.device_get(jax.jit(make_pairs)(crops, key))
  captions = [
    degradation.caption({name: value[i] for name, value in draws.items()})
    for i in range(len(hr))
  ]
  plots.degradations(hr, lr, captions, _OUTPUT.value)
  print(f"{len(hr)} crops are in {_OUTPUT.value}")


if __name__ == "__main__":
  cli.run(main)
