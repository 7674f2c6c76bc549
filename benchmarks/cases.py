"""What is measured: networks, batches and sizes of pictures, by name."""

import dataclasses

import numpy as np

from benchmarks import stand_ins  # noqa: F401, isort: skip  before configs
from configs import gan, pretrain

_TINY_CROP = 64
_TINY_PICTURE = (24, 16)


@dataclasses.dataclass(frozen=True)
class Train:
  """A training step.

  Attributes:
    variant: of a config, as "pretrain:srfeat".
    batch_size: crops a step.
  """

  variant: str
  batch_size: int


@dataclasses.dataclass(frozen=True)
class Infer:
  """A picture to enlarge.

  Attributes:
    variant: of `configs/pretrain.py`.
    width: LR pixels.
    height: likewise.
  """

  variant: str
  width: int
  height: int


# What is asked first, first: a run may have to end before it has done all.
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
    dtype: what all networks compute in.
    batch_size: instead of the case's own, if not 0.
    tiny: shrink networks and crops, to test the benchmark itself.
  """
  file, variant = case.variant.split(":")
  config = {"gan": gan, "pretrain": pretrain}[file].get_config(variant)
  config.batch_size = batch_size or case.batch_size
  if tiny:
    _shrink(config)
  config.generator.dtype = dtype
  for discriminator in config.discriminators.values():
    discriminator.dtype = dtype
  return config, _TORCHVISION if "esrgan" in variant else _CAFFE


def generator_config(variant: str, dtype: str, tiny: bool = False) -> dict:
  """The generator of a variant of `configs/pretrain.py`."""
  config = pretrain.get_config(variant)
  if tiny:
    _shrink(config)
  config.generator.dtype = dtype
  return dict(config.generator)


def picture_size(case: Infer, tiny: bool = False) -> tuple[int, int]:
  """Width and height."""
  return _TINY_PICTURE if tiny else (case.width, case.height)


def grid(width: int, height: int, on_gpu: bool) -> tuple[int, int]:
  """Into how many columns and rows of equal tiles a network gets a picture.

  SRFeat's maps of a picture of 1920x1080 take gigabytes each on a CPU, and on a
  GPU have more numbers than convolutions can count.
  """
  columns_rows = {
    (1280, 720): (1, 1) if on_gpu else (4, 3),
    (1920, 1080): (2, 2) if on_gpu else (4, 4),
  }
  return columns_rows.get((width, height), (1, 1))


def crops(config) -> np.ndarray:
  """A batch of noise, uint8 [b, H, W, 3], always the same."""
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _shrink(config) -> None:
  config.batch_size = min(config.batch_size, 4)
  config.crop_size = _TINY_CROP
  config.generator.features = 8
  config.generator.num_blocks = 2
  if "growth" in config.generator:
    config.generator.growth = 4
  for name, discriminator in config.discriminators.items():
    discriminator.features = 8
    discriminator.hidden = 16
    # VGG-19's fifth block is a sixteenth as large.
    discriminator.input_size = _TINY_CROP // (1 if name == "image" else 16)
