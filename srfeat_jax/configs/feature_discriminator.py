"""What the feature discriminator adds: an ablation on the small generator.

  python -m srfeat_jax.main --config=configs/feature_discriminator.py:VARIANT \
      --config.vgg_weights=VGG19_FILE --config.data.train=FOLDER \
      --config.seed=0 --workdir=runs/VARIANT-0

perceptual    From srfeat-lite, 4,000 steps of 2 crops of 48, the perceptual
              loss of SRFeat alone (relu5_4 of VGG-19, mean squared error).
image         + the image discriminator of SRGAN.
feature       + the feature discriminator of SRFeat, without the former.
both          + both, as in SRFeat.
both_updated  + both with spectral normalization and more logits: one per patch
              of the image, one per position of the features.

All start from the same weights; those with equal seeds see the same crops, and
their discriminators start alike. What was found: docs/feature_discriminator.md.
"""

import ml_collections

from srfeat_jax.configs import common, gan


def get_config(variant: str = "both") -> ml_collections.ConfigDict:
  """The config of a variant, one of `VARIANTS`."""
  return common.choose("configs/feature_discriminator.py", variant, VARIANTS)


def _with(*discriminators: str) -> ml_collections.ConfigDict:
  """SRFeat's losses, with some of its discriminators."""
  config = gan.get_config("srfeat_lite")
  config.init_from = "srfeat-lite"
  config.num_steps = 4_000
  config.batch_size = 2
  config.crop_size = 48
  config.data.sets = ("Set5",)
  config.log_every = 100
  config.eval_every = 1_000
  config.checkpoint_every = 250
  kept = {name: config.discriminators[name] for name in discriminators}
  config.discriminators = ml_collections.ConfigDict(kept)
  return config


def _both_updated():
  config = _with("image", "feature")
  config.discriminators.image.logits = "patch"
  config.discriminators.feature.logits = "position"
  for discriminator in config.discriminators.values():
    discriminator.spectral_norm = True
  return config


# What makes each variant, in the order of the text above.
VARIANTS: common.Variants = {
  "perceptual": _with,
  "image": lambda: _with("image"),
  "feature": lambda: _with("feature"),
  "both": lambda: _with("image", "feature"),
  "both_updated": _both_updated,
}
