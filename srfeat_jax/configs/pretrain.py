"""Pre-training: a generator learns to minimize the pixel difference.

  python -m srfeat_jax.main --config=configs/pretrain.py:VARIANT \
      --config.data.train=COCO/train2017 --config.data.benchmarks=BENCHMARKS \
      --workdir=runs/VARIANT

srfeat        Park et al. 2018. The paper's SRFeat_M, trained on ImageNet: Y
              32.27 / 28.71 / 27.64 dB on Set5 / Set14 / BSD100. On COCO, in
              the protocol center296 (RGB): 30.56 / 26.38 / 25.78.
srfeat_nobn   The same without BatchNorm, in center296: 30.72 / 26.44 / 25.82.
srfeat_official  As the authors' code has it: DIV2K, 104,000 patches of 296 px,
              batch 9, 21 epochs, a tenth of the learning rate from epoch 17.
srfeat_pod    srfeat with batches of 64, for up to 64 devices: as many images in
              36,444 steps.
srfeat_lite   A small one for CPUs, on any folder: Y about 31 dB on Set5 after
              an hour on two cores.
srfeat_lite_bn  The same with BatchNorm, to compare, and with srfeat's initial
              weights and biases, which go with it.
srresnet      Ledig et al. 2017: Y 32.05 / 28.49 / 27.58.
msrresnet     Wang et al. 2018, as in BasicSR: RGB without a border of 4, 30.25
              / 26.78 on Set5 / Set14.
esrgan        Wang et al. 2018: RRDBNet, the start of ESRGAN's GAN training, as
              in BasicSR: Y 32.73 / 28.99 / 27.85, RGB 30.64 / 27.05 on Set5 /
              Set14. On DIV2K and Flickr2K; a week on one GPU of 2018.

srfeat and srfeat_nobn: COCO 2017 without small images, 116,620 images, center
crops of 296 px, batch 9, 20 epochs of 12,958 iterations, MSE, Adam. The cost
is days on one GPU of 2018; a step takes 2.3 TFLOP.
"""

import ml_collections

from srfeat_jax.configs import common, images_seen

_EPOCH = 12_958
_OFFICIAL_EPOCH = 104_000 // 9  # the last batch, of 5, is left out


def get_config(variant: str = "srfeat") -> ml_collections.ConfigDict:
  """The config of a variant, one of `VARIANTS`."""
  return common.choose("configs/pretrain.py", variant, VARIANTS)


def _srfeat():
  config = common.get_config()
  config.num_steps = 20 * _EPOCH
  config.batch_size = 9
  config.crop_size = 296
  config.generator.architecture = "srfeat"
  config.generator.features = 128
  config.generator.num_blocks = 16
  config.generator.scale = 4
  config.generator.batch_norm = True
  config.generator.initializer = "normal"
  config.generator.block_bias = False
  config.generator.skip_bias = False
  config.generator.activation_after_shuffle = True
  config.generator.blur_after_shuffle = False
  config.generator.upsampler = "shuffle"  # or "direct", "nearest"
  config.generator.icnr = False  # start without a checkerboard
  config.generator.tanh = False
  config.generator.residual_base = "none"
  config.generator.dtype = "float32"
  config.losses.pixel = "mse"
  config.losses.pixel_weight = 4.0  # the authors' images are in [-1, 1]
  # 1e-5 from epoch 10, 1e-6 from epoch 15.
  config.learning_rate = common.piecewise(
    1e-4, boundaries=(10 / 20, 15 / 20), factors=(0.1, 0.1)
  )
  config.data.crop = "center"
  config.data.augment = False
  config.log_every = 100
  config.eval_every = _EPOCH
  config.checkpoint_every = 2_000
  return config


def _srfeat_nobn():
  config = _srfeat()
  config.generator.batch_norm = False
  config.generator.initializer = "uniform"
  config.generator.block_bias = True
  config.generator.skip_bias = True
  # Reaches 1e-6 at epoch 15 and stays there.
  config.learning_rate = common.cosine(1e-4, final=1e-6, until=15 / 20)
  return config


def _srfeat_official():
  config = _srfeat()
  config.num_steps = 21 * _OFFICIAL_EPOCH
  config.learning_rate = common.piecewise(
    1e-4, boundaries=(17 / 21,), factors=(0.1,)
  )
  config.eval_every = _OFFICIAL_EPOCH
  return config


def _srfeat_pod():
  config = _srfeat()
  images_seen.with_batch_size(config, 64)
  return config


def _srfeat_lite():
  config = _srfeat_nobn()
  config.num_steps = 10_000
  config.batch_size = 16
  config.crop_size = 96
  config.ema_decay = 0.999
  config.generator.features = 32
  config.generator.num_blocks = 8
  config.generator.residual_base = "bilinear"
  config.losses.pixel = "l1"
  config.losses.pixel_weight = 1.0
  config.learning_rate = common.cosine(4e-4, final=1e-6, until=1.0)
  config.data.crop = "random"
  config.data.augment = True
  config.eval_every = 500
  config.checkpoint_every = 500
  return config


def _srfeat_lite_bn():
  config = _srfeat_lite()
  published = _srfeat().generator
  for field in ("batch_norm", "initializer", "block_bias", "skip_bias"):
    config.generator[field] = published[field]
  return config


def _srresnet():
  config = common.get_config()
  config.num_steps = 1_000_000
  config.batch_size = 16
  config.crop_size = 96
  config.generator.architecture = "srresnet"
  config.generator.features = 64
  config.generator.num_blocks = 16
  config.generator.scale = 4
  config.generator.batch_norm_momentum = 0.9
  config.generator.batch_norm_epsilon = 1e-5
  config.generator.prelu_per_channel = False
  config.generator.input_range = "unit"
  config.generator.blur_after_shuffle = False
  config.generator.upsampler = "shuffle"  # or "direct", "nearest"
  config.generator.icnr = False  # start without a checkerboard
  config.generator.block_bias = False
  config.generator.after_trunk = "batch_norm"
  config.generator.tanh = False
  config.generator.residual_base = "none"
  config.generator.dtype = "float32"
  config.losses.pixel = "mse"
  config.losses.pixel_weight = 4.0  # the paper's HR images are in [-1, 1]
  config.learning_rate = common.piecewise(1e-4, boundaries=(), factors=())
  config.eval_every = 10_000
  config.checkpoint_every = 5_000
  return config


def _msrresnet():
  config = _basicsr()
  config.generator.architecture = "msrresnet"
  config.generator.features = 64
  config.generator.num_blocks = 16
  config.generator.scale = 4
  config.generator.dtype = "float32"
  return config


def _esrgan():
  config = _basicsr()
  config.generator.architecture = "rrdbnet"
  config.generator.features = 64
  config.generator.num_blocks = 23
  config.generator.growth = 32
  config.generator.scale = 4
  config.generator.residual_scale = 0.2
  config.generator.initializer = "dense_tenth"
  config.generator.dtype = "float32"
  return config


def _basicsr():
  """BasicSR's settings for training on pixel differences."""
  config = common.get_config()
  config.num_steps = 1_000_000
  config.batch_size = 16
  config.crop_size = 128
  config.ema_decay = 0.999
  config.losses.pixel = "l1"
  config.optimizer.b2 = 0.99
  # Four descents of 250,000 steps each.
  config.learning_rate = common.cosine(2e-4, final=1e-7, until=1.0, cycles=4)
  config.eval_every = 10_000
  config.checkpoint_every = 5_000
  return config


# What makes each variant, in the order of the text above.
VARIANTS: common.Variants = {
  "srfeat": _srfeat,
  "srfeat_nobn": _srfeat_nobn,
  "srfeat_official": _srfeat_official,
  "srfeat_pod": _srfeat_pod,
  "srfeat_lite": _srfeat_lite,
  "srfeat_lite_bn": _srfeat_lite_bn,
  "srresnet": _srresnet,
  "msrresnet": _msrresnet,
  "esrgan": _esrgan,
}
