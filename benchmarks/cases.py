"""What is measured, by name: networks, batch sizes and image sizes."""

import dataclasses
import math

import numpy as np

from benchmarks import stand_ins  # noqa: F401, isort: skip  before configs
from srfeat_jax.configs import gan, pretrain, shipped

_TINY_CROP = 64
_TINY_IMAGE = (24, 16)


@dataclasses.dataclass(frozen=True)
class Train:
  """A training step.

  Attributes:
    variant: a config and its variant, such as "pretrain:srfeat".
    batch_size: crops per step.
    has_peer: whether PyTorch's step (`peer_training`) does the same.
  """

  variant: str
  batch_size: int
  has_peer: bool = True


@dataclasses.dataclass(frozen=True)
class Infer:
  """An image to upscale.

  Attributes:
    variant: a variant of `configs/pretrain.py`.
    width: of the LR image, in pixels.
    height: likewise.
  """

  variant: str
  width: int
  height: int


# The most important first, because a run may end before it has measured all.
TRAIN = {
  "srfeat_pretrain_b16": Train("pretrain:srfeat", 16),
  "srfeat_gan_b16": Train("gan:srfeat", 16),
  "esrgan_b16": Train("gan:esrgan", 16),
  "srgan_b16": Train("gan:srgan_vgg54", 16),
  "srfeat_pretrain_b9": Train("pretrain:srfeat", 9),
  "srfeat_gan_b5": Train("gan:srfeat", 5),
  "srfeat_gan_b9": Train("gan:srfeat", 9),
  "srfeat_lite_pretrain_b16": Train("pretrain:srfeat_lite", 16),
  "srfeat_lite_gan_b8": Train("gan:srfeat_lite", 8),
  "srfeat_photo_b16": Train("shipped:srfeat_photo", 16, has_peer=False),
}
SIZES = ((480, 270), (1280, 720), (1920, 1080))
INFER = {
  f"{variant}_{width}x{height}": Infer(variant, width, height)
  for width, height in SIZES
  for variant in ("srfeat", "srresnet", "esrgan", "srfeat_lite")
}

# SRFeat's and SRGAN's VGG-19 is TensorFlow's, ESRGAN's torchvision's.
_CAFFE = {"preprocessing": "caffe", "pooling": "ceil"}
_TORCHVISION = {"preprocessing": "torchvision", "pooling": "floor"}


def train_config(case: Train, dtype: str, batch_size: int = 0, tiny=False):
  """The config of a case, and the settings of its VGG-19.

  Args:
    case: of `TRAIN`.
    dtype: number format in which all networks compute.
    batch_size: instead of that of the case, if not 0.
    tiny: shrink networks and crops, to test the benchmark itself.
  """
  file, variant = case.variant.split(":")
  files = {"gan": gan, "pretrain": pretrain, "shipped": shipped}
  config = files[file].get_config(variant)
  config.batch_size = batch_size or case.batch_size
  if tiny:
    _shrink(config)
  config.generator.dtype = dtype
  for name, discriminator in config.discriminators.items():
    discriminator.dtype = dtype
    if "input_size" in discriminator:  # the peer does not find it out
      # Features of VGG-19's fifth block are 16 times smaller than the image.
      shrinking = 1 if name == "image" else 16
      discriminator.input_size = math.ceil(config.crop_size / shrinking)
  return config, vgg_settings(config)


def vgg_settings(config) -> dict:
  """Returns the fields of VGG-19 for the weights that a config is made for."""
  published = config.vgg_preprocessing == "torchvision"
  return _TORCHVISION if published else _CAFFE


def generator_config(variant: str, dtype: str, tiny: bool = False) -> dict:
  """The generator of a variant of `configs/pretrain.py`."""
  config = pretrain.get_config(variant)
  if tiny:
    _shrink(config)
  config.generator.dtype = dtype
  return dict(config.generator)


def image_size(case: Infer, tiny: bool = False) -> tuple[int, int]:
  """Returns width and height of the LR image."""
  return _TINY_IMAGE if tiny else (case.width, case.height)


def grid(width: int, height: int, on_gpu: bool) -> tuple[int, int]:
  """Returns in how many columns and rows of equal tiles an image is upscaled.

  A feature map of SRFeat for an image of 1920x1080 takes gigabytes, and has
  more numbers than convolutions on a GPU can index.
  """
  columns_rows = {
    (1280, 720): (1, 1) if on_gpu else (4, 3),
    (1920, 1080): (2, 2) if on_gpu else (4, 4),
  }
  return columns_rows.get((width, height), (1, 1))


def crops(config) -> np.ndarray:
  """Returns a batch of noise, uint8 [b, H, W, 3], always the same."""
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _shrink(config) -> None:
  config.batch_size = min(config.batch_size, 4)
  config.crop_size = _TINY_CROP
  config.generator.features = 8
  config.generator.num_blocks = 2
  if "growth" in config.generator:
    config.generator.growth = 4
  for discriminator in config.discriminators.values():
    discriminator.features = 8
    discriminator.hidden = 16
