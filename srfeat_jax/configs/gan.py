"""Adversarial training of a generator that was pre-trained on pixels.

  python -m srfeat_jax.main --config=configs/gan.py:VARIANT \
      --config.init_from=runs/PRETRAINED --config.vgg_weights=VGG19_FILE \
      --config.data.train=DIV2K/patches --workdir=runs/VARIANT

VGG19_FILE: Caffe's weights, from Keras' .h5 or vgg19.npy; for esrgan, those of
torchvision.

srfeat           Park et al. 2018: VGG-19's relu5_4, an image and a feature
                 discriminator. 104,000 patches, batch 5, 5 epochs. Y 30.03 /
                 26.73 on Set5 / Set14 (the authors). Start: pretrain.py:srfeat.
srfeat_nobn      The same without BatchNorm. Start: pretrain.py:srfeat_nobn.
srfeat_official  As the authors' code has it: batch 9, BatchNorm frozen, Adam's
                 epsilon 1e-10 with the discriminators' loss times 1e-3, dense
                 layers that start at N(0, 0.1), images clipped before VGG-19
                 (convert its weights with --clip). Start:
                 pretrain.py:srfeat_official.
srfeat_pod       srfeat with batches of 64, for up to 64 devices: 8,125 steps see
                 as many images. Large weights, of which the dense layer of the
                 image discriminator has 189 million, are split over the
                 devices. Start: pretrain.py:srfeat_pod.
srgan_mse        Ledig et al. 2017, image discriminator and, as content, the
srgan_vgg22      pixels, relu2_2 or relu5_4. 200,000 steps of 16 crops of 96.
srgan_vgg54      Y 29.40 / 26.02 / 25.16 on Set5 / Set14 / BSD100. Start:
                 pretrain.py:srresnet.
srgan_mirflickr  srgan_vgg54 on MIRFLICKR-25k, 64 to 256 px, 750 epochs.
srgan_mirflickr_b1  The same with batch 1 in place of 8, 4,000 epochs.
esrgan           Wang et al. 2018, as in BasicSR: relativistic, conv5_4 before
                 its ReLU. 400,000 steps of 16 crops of 128. Y 30.44 / 26.28 /
                 25.33. Start: pretrain.py:esrgan.
srfeat_lite      The losses of srfeat, srgan_vgg54 and esrgan on the generator
srgan_lite       of pretrain.py:srfeat_lite, with small discriminators, for two
esrgan_lite      CPU cores.
srfeat_lite_bn   srfeat_lite with BatchNorm: pretrain.py:srfeat_lite_bn.

A step of srfeat at its full size takes 3.0 TFLOP, 10 GiB and 23 s on two CPU
cores; 400 steps of a lite variant take about nine minutes there.
PSNR must fall below the start's: what these losses buy is sharpness (LPIPS).
"""

import ml_collections

from srfeat_jax.configs import common, images_seen, pretrain

_SRFEAT_EPOCH = 20_800


def get_config(variant: str = "srfeat") -> ml_collections.ConfigDict:
  """The config of a variant, one of `VARIANTS`."""
  return common.choose("configs/gan.py", variant, VARIANTS)


def _adversarial(start: str) -> ml_collections.ConfigDict:
  """The generator of a pre-training config, and nothing else of it."""
  config = common.get_config()
  config.generator = pretrain.get_config(start).generator
  config.losses.pixel_weight = 0.0
  config.losses.adversarial_weight = 1e-3
  return config


def _srgan_discriminator(
  *, symmetric_input: bool = True
) -> ml_collections.ConfigDict:
  config = ml_collections.ConfigDict()
  config.architecture = "srgan"
  config.input_size = 0  # that of the crops, or of their features
  config.symmetric_input = symmetric_input
  config.features = 64
  config.hidden = 1024
  # Or "patch", one per 16x16 pixels, or, for features, "position".
  config.logits = "image"
  config.spectral_norm = False  # True: in place of batch normalization
  config.dense_initializer = "he_truncated"
  config.dtype = "float32"
  return config


def unet_discriminator(features: int = 64) -> ml_collections.ConfigDict:
  """Real-ESRGAN's: a logit per pixel, for crop sizes divisible by 8."""
  config = ml_collections.ConfigDict()
  config.architecture = "unet"
  config.features = features
  config.dtype = "float32"
  return config


def _schedules(
  config: ml_collections.ConfigDict, peak: float, boundaries, factors
) -> None:
  """The same learning rate for all networks."""
  config.learning_rate = common.piecewise(peak, boundaries, factors)
  config.discriminator_learning_rate = common.piecewise(
    peak, boundaries, factors
  )


def _perceptual(config: ml_collections.ConfigDict, layer: str) -> None:
  config.losses.perceptual_weight = 1.0
  config.losses.perceptual_layers = ml_collections.ConfigDict({layer: 1.0})
  config.vgg_preprocessing = "caffe"  # what 1/12.75 was found for


def _srfeat(start: str):
  config = _adversarial(start)
  config.num_steps = 5 * _SRFEAT_EPOCH
  config.batch_size = 5
  config.crop_size = 296
  config.discriminators.image = _srgan_discriminator()
  config.discriminators.feature = _srgan_discriminator(symmetric_input=False)
  _perceptual(config, "relu5_4")
  # 1e-5 from the third epoch, 1e-6 in the last.
  _schedules(config, 1e-4, (2 / 5, 4 / 5), (0.1, 0.1))
  config.eval_every = _SRFEAT_EPOCH // 4
  config.checkpoint_every = 2_000
  return config


def _srfeat_official():
  config = _srfeat("srfeat_official")
  config.num_steps = 5 * (104_000 // 9)
  config.batch_size = 9
  config.freeze_batch_norm = True
  config.optimizer.eps = 1e-10
  config.discriminator_optimizer.eps = 1e-10
  config.losses.discriminator_weight = 1e-3
  for discriminator in config.discriminators.values():
    discriminator.dense_initializer = "truncated_tenth"  # TensorLayer's
  config.vgg_clip = True
  # The patches of the authors' script are flipped and rotated beforehand.
  config.data.crop = "center"
  config.data.augment = False
  return config


def _srfeat_pod():
  config = _srfeat("srfeat_pod")
  images_seen.with_batch_size(config, 64)
  config.fsdp = 1_000_000
  return config


def _srgan(layer: str):
  config = _adversarial("srresnet")
  config.num_steps = 200_000
  config.batch_size = 16
  config.crop_size = 96
  config.discriminators.image = _srgan_discriminator()
  _perceptual(config, layer)
  _schedules(config, 1e-4, (1 / 2,), (0.1,))
  config.eval_every = 5_000
  config.checkpoint_every = 5_000
  return config


def _srgan_mse():
  config = _srgan("relu5_4")
  config.losses.perceptual_weight = 0.0
  config.losses.perceptual_layers = ml_collections.ConfigDict()
  config.vgg_preprocessing = ""
  config.losses.pixel = "mse"
  config.losses.pixel_weight = 4.0  # the paper's images are in [-1, 1]
  return config


def _srgan_mirflickr(batch_size: int, epochs: int):
  config = _srgan("relu5_4")
  config.num_steps = epochs * (25_000 // batch_size)
  config.batch_size = batch_size
  config.crop_size = 256
  _schedules(config, 1e-4, (), ())
  return config


def _esrgan():
  config = _adversarial("esrgan")
  config.num_steps = 400_000
  config.batch_size = 16
  config.crop_size = 128
  config.ema_decay = 0.999
  config.update_first = "generator"
  config.discriminators.image = ml_collections.ConfigDict()
  config.discriminators.image.architecture = "vgg_style"
  config.discriminators.image.input_size = 0  # that of the crops
  config.discriminators.image.features = 64
  config.discriminators.image.hidden = 100
  config.discriminators.image.dtype = "float32"
  config.losses.pixel = "l1"
  config.losses.pixel_weight = 1e-2
  _perceptual(config, "conv5_4")
  config.losses.perceptual = "l1"
  config.losses.feature_scale = 1.0
  config.vgg_preprocessing = "torchvision"
  config.losses.adversarial = "relativistic"
  # BasicSR's code; False for equation 1 of the paper, which stops no gradient.
  config.losses.relativistic_detach = True
  config.losses.adversarial_weight = 5e-3
  config.optimizer.b2 = 0.99
  config.discriminator_optimizer.b2 = 0.99
  _schedules(config, 1e-4, (1 / 8, 1 / 4, 1 / 2, 3 / 4), (0.5,) * 4)
  config.eval_every = 5_000
  config.checkpoint_every = 5_000
  return config


def _lite(config: ml_collections.ConfigDict, start: str = "srfeat_lite"):
  """Another config's losses on a small generator, for two CPU cores."""
  config.generator = pretrain.get_config(start).generator
  config.num_steps = 1_000
  config.batch_size = 8
  config.crop_size = 96
  config.ema_decay = 0.99
  config.discriminators.image.features = 16
  if "feature" in config.discriminators:
    config.discriminators.feature.features = 32
  _schedules(config, 1e-4, (4 / 5,), (0.1,))
  config.log_every = 20
  config.eval_every = 250
  config.checkpoint_every = 250
  return config


def _esrgan_lite():
  config = _lite(_esrgan())
  # Caffe's features are that much larger than torchvision's.
  config.losses.feature_scale = 1 / 12.75
  config.vgg_preprocessing = "caffe"
  return config


# What makes each variant, in the order of the text above.
VARIANTS: common.Variants = {
  "srfeat": lambda: _srfeat("srfeat"),
  "srfeat_nobn": lambda: _srfeat("srfeat_nobn"),
  "srfeat_official": _srfeat_official,
  "srfeat_pod": _srfeat_pod,
  "srgan_mse": _srgan_mse,
  "srgan_vgg22": lambda: _srgan("relu2_2"),
  "srgan_vgg54": lambda: _srgan("relu5_4"),
  "srgan_mirflickr": lambda: _srgan_mirflickr(batch_size=8, epochs=750),
  "srgan_mirflickr_b1": lambda: _srgan_mirflickr(batch_size=1, epochs=4_000),
  "esrgan": _esrgan,
  "srfeat_lite": lambda: _lite(_srfeat("srfeat_nobn")),
  "srgan_lite": lambda: _lite(_srgan("relu5_4")),
  "esrgan_lite": _esrgan_lite,
  "srfeat_lite_bn": lambda: _lite(_srfeat("srfeat"), "srfeat_lite_bn"),
}
