"""The runs that made the weights in `srfeat_jax/weights/pretrained`.

launch/train_shipped.sh runs them in this order.

srfeat_lite       `pretrain.py:srfeat_lite`, from a random start.
srfeat_lite_more  Continues from those weights with the learning rate raised
                  again: srfeat-lite.
srfeat_lite_gan   SRFeat's image and feature discriminator and VGG-19, of which
                  four layers count, and a term against the checkerboard
                  artifacts that these alone leave in flat areas.
srfeat_lite_gan_more  Continues from those weights with an image discriminator
                  that has a logit per patch, and a loss against checkerboard
                  artifacts that follow the content: srfeat-lite-gan. In these
                  and in srfeat_photo the dense layers of the discriminators
                  began with `dense_initializer=truncated_tenth`.
srfeat_photo_psnr  Continues from srfeat-lite for photographs: degradations from
                  none to blur, noise and JPEG, L1, and a blur after each pixel
                  shuffle, against checkerboard artifacts: srfeat-photo-psnr.
srfeat_photo      Continues from srfeat-photo-psnr with VGG-19, a discriminator
                  that has a logit per patch, SRFeat's feature discriminator,
                  and losses against checkerboard artifacts: srfeat-photo, which
                  was made in four runs, see its card, of which this is the last
                  and has as many steps as all.
"""

import ml_collections

from srfeat_jax.configs import common, degradations, gan, pretrain


def get_config(variant: str = "srfeat_lite") -> ml_collections.ConfigDict:
  """The config of a variant, one of `VARIANTS`."""
  return common.choose("configs/shipped.py", variant, VARIANTS)


def _srfeat_lite():
  config = pretrain.get_config("srfeat_lite")
  config.data.sets = ("Set5",)  # to see it learn; nothing is chosen by it
  return config


def _srfeat_lite_more():
  config = _srfeat_lite()
  config.num_steps = 9_000
  config.learning_rate.peak = 3e-4
  config.eval_every = 2_000
  return config


def _srfeat_photo_psnr():
  config = _srfeat_lite()
  config.generator.blur_after_shuffle = True
  config.num_steps = 1_000
  config.batch_size = 8
  config.crop_size = 144
  config.degradation = degradations.mixed()
  config.learning_rate.peak = 5e-4
  config.eval_every = 500
  return config


def _srfeat_photo():
  config = gan.get_config("srfeat_lite")
  config.generator.blur_after_shuffle = True
  config.degradation = degradations.mixed()
  config.num_steps = 2_700
  config.batch_size = 4
  config.crop_size = 96
  config.ema_decay = 0.99
  config.data.sets = ("Set5",)
  config.discriminators.image.features = 32
  config.discriminators.image.logits = "patch"
  config.losses.pixel = "l1"
  config.losses.pixel_weight = 1.0
  config.losses.checkerboard_weight = 150.0
  config.losses.phase_weight = 15.0
  config.losses.perceptual = "l1"
  config.losses.perceptual_layers = ml_collections.ConfigDict(
    {
      "conv1_2": 0.1,
      "conv2_2": 0.1,
      "conv3_4": 1.0,
      "conv4_4": 1.0,
      "conv5_4": 1.0,
    }
  )
  # So that it weighs as much as with torchvision's weights, for which
  # Real-ESRGAN's weight of 1 is meant.
  config.losses.perceptual_weight = 0.1
  config.losses.adversarial_weight = 0.1
  config.learning_rate = common.piecewise(2e-4, (7 / 10,), (0.25,))
  config.discriminator_learning_rate = common.piecewise(
    1e-4, (7 / 10,), (0.25,)
  )
  config.log_every = 20
  config.eval_every = 250
  config.checkpoint_every = 100
  return config


def _srfeat_lite_gan():
  config = gan.get_config("srfeat_lite")
  config.num_steps = 800
  config.data.sets = ("Set5",)
  config.ema_decay = 0.99
  config.losses.pixel = "l1"
  config.losses.pixel_weight = 1.0
  config.losses.checkerboard_weight = 300.0
  config.losses.perceptual = "l1"
  config.losses.perceptual_layers = ml_collections.ConfigDict(
    {"conv2_2": 0.1, "conv3_4": 0.2, "conv4_4": 0.3, "conv5_4": 1.0}
  )
  config.losses.adversarial_weight = 5e-2
  return config


def _srfeat_lite_gan_more():
  config = _srfeat_lite_gan()
  config.num_steps = 500
  config.discriminators.image.features = 32
  config.discriminators.image.logits = "patch"
  config.losses.checkerboard_weight = 150.0
  config.losses.phase_weight = 20.0
  config.learning_rate.peak = 2e-4
  return config


# What makes each variant, in the order of the text above.
VARIANTS: common.Variants = {
  "srfeat_lite": _srfeat_lite,
  "srfeat_lite_more": _srfeat_lite_more,
  "srfeat_lite_gan": _srfeat_lite_gan,
  "srfeat_lite_gan_more": _srfeat_lite_gan_more,
  "srfeat_photo_psnr": _srfeat_photo_psnr,
  "srfeat_photo": _srfeat_photo,
}
