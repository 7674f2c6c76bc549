"""What a GAN step costs with each discriminator: time, memory, operations.

  python -m benchmarks.discriminators
  python -m benchmarks.discriminators --config=configs/gan.py:srfeat \
    --only=both,feature_position --repeats=3

One row for each of `VARIANTS`, of the same generator, losses and crops. As in
the papers are "image", "feature" and "both", with a logit an image and batch
normalization; the others have more logits, spectral normalization, another
architecture or penalties, and "none" is what the rest of the step takes. Memory
is XLA's own account of the compiled step (`memory_analysis`: arguments and what
it allocates), operations are those of the program before it is optimized. Crops
are noise, and VGG-19 has random weights.
"""

import copy
import gc
import statistics
import time
from collections.abc import Callable, Mapping

import ml_collections
from absl import flags

from benchmarks import cases, ours
from srfeat_jax import cli, config_flag, errors
from srfeat_jax.configs import gan

_CONFIG = config_flag.define(required=False)
_ONLY = flags.DEFINE_list("only", [], "some of `VARIANTS`; none: all")
_REPEATS = flags.DEFINE_integer("repeats", 5, "steps to time", lower_bound=1)


def _only(*roles: str) -> Callable[[ml_collections.ConfigDict], None]:
  """Leaves out the discriminators of other roles."""

  def change(config):
    for name in set(config.discriminators) - set(roles):
      del config.discriminators[name]

  return change


def _image(**fields) -> Callable[[ml_collections.ConfigDict], None]:
  def change(config):
    _only("image")(config)
    config.discriminators.image.update(fields)

  return change


def _feature(**fields) -> Callable[[ml_collections.ConfigDict], None]:
  def change(config):
    _only("feature")(config)
    config.discriminators.feature.update(fields)

  return change


def _unet(config: ml_collections.ConfigDict) -> None:
  features = config.discriminators.image.features
  config.discriminators = ml_collections.ConfigDict()
  config.discriminators.image = gan.unet_discriminator(features)


def _new_both(config: ml_collections.ConfigDict) -> None:
  config.discriminators.image.update(logits="patch", spectral_norm=True)
  config.discriminators.feature.update(logits="position", spectral_norm=True)


def _penalized(every: int) -> Callable[[ml_collections.ConfigDict], None]:
  def change(config):
    _new_both(config)
    config.losses.r1_weight = 1.0
    config.losses.penalty_every = every

  return change


# What each changes in a config with a discriminator of images and of features.
VARIANTS: Mapping[str, Callable[[ml_collections.ConfigDict], None]] = {
  "none": _only(),
  "image": _only("image"),
  "image_patch": _image(logits="patch"),
  "image_patch_spectral": _image(logits="patch", spectral_norm=True),
  "image_unet": _unet,
  "feature": _only("feature"),
  "feature_position": _feature(logits="position"),
  "feature_position_spectral": _feature(logits="position", spectral_norm=True),
  "both": lambda config: None,
  "both_new": _new_both,
  "both_new_r1": _penalized(1),
  "both_new_r1_lazy": _penalized(16),
}


def variant(
  config: ml_collections.ConfigDict, name: str
) -> ml_collections.ConfigDict:
  """A copy of a config with the discriminators of a variant."""
  config = copy.deepcopy(config).unlock()
  VARIANTS[name](config)
  return config


def main(argv) -> None:
  """Prints the table, row by row."""
  del argv
  base = _CONFIG.value
  if base is None:
    base = gan.get_config("srfeat_lite")
  for name in ("image", "feature"):
    if name not in base.discriminators:
      raise errors.InputError(
        f"--config has no discriminator {name}: expected one with both, such as"
        " configs/gan.py:srfeat_lite"
      )
  for name in _ONLY.value:
    if name not in VARIANTS:
      raise errors.InputError(
        f"--only={name}: expected some of {', '.join(VARIANTS)}"
      )
  print(
    f"{base.batch_size} crops of {base.crop_size} px, median of"
    f" {_REPEATS.value} steps"
  )
  print("| discriminators | parameters of D | s a step | GiB | GFLOP |")
  print("|---|---:|---:|---:|---:|")
  for name in _ONLY.value or VARIANTS:
    print(_row(name, variant(base, name)), flush=True)
    gc.collect()


def _row(name: str, config: ml_collections.ConfigDict) -> str:
  step = ours.TrainStep(config, cases.vgg_settings(config), cases.crops(config))
  step(1)
  # Of lazy penalties, the median is of a step without one.
  seconds = []
  for _ in range(_REPEATS.value):
    before = time.perf_counter()
    step(1)
    seconds.append(time.perf_counter() - before)
  memory = step.compiled.memory_analysis()
  size = memory.argument_size_in_bytes + memory.temp_size_in_bytes
  parameters = sum(step.parameters.values()) - step.parameters["generator"]
  return (
    f"| {name} | {parameters:,} | {statistics.median(seconds):.3f} |"
    f" {size / 2**30:.2f} | {step.flops / 1e9:.1f} |"
  )


if __name__ == "__main__":
  cli.run(main)
