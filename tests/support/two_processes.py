"""One of two processes that train together; run by `multiprocess_test`.

python -m tests.support.two_processes INDEX PORT IMAGES WORKDIR NUM_STEPS START
  KIND

START is "", or for an adversarial run a folder with start.safetensors, which it
begins with, and vgg19.npy. With PORT "" the process trains alone. KIND is ""
or, for SRFeat's two discriminators, "srfeat".
"""

import sys

from absl import flags

from srfeat_jax import train
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import cluster, interruption


def config_for(images: str, num_steps: int, start: str = ""):
  """A tiny run with BatchNorm, so that the whole batch matters.

  With a start it is adversarial, by most of what such runs may have, and
  validated.
  """
  config = pretrain.get_config("srfeat")
  config.num_steps = num_steps
  config.batch_size = 8
  config.crop_size = 16
  config.generator.features = 4
  config.generator.num_blocks = 2
  # Or SR would have hardly any variance, and BatchNorm magnify its rounding.
  config.generator.residual_base = "bilinear"
  config.data.train = images
  config.data.crop = "random"
  config.data.augment = True
  config.log_every = 1
  config.checkpoint_every = 1
  if start:
    config.data.benchmarks = "synthetic"
    config.init_from = f"{start}/start.safetensors"
    config.vgg_weights = f"{start}/vgg19.npy"
    config.ema_decay = 0.9
    config.discriminators.image = gan.unet_discriminator(features=4)
    config.losses.adversarial_weight = 0.1
    config.losses.ldl_weight = 1.0
    config.losses.perceptual_weight = 1.0
    config.losses.perceptual_layers = {"conv2_1": 1.0}
    config.vgg_preprocessing = "caffe"
  return config


def srfeat_config_for(images: str, num_steps: int, start: str):
  """SRFeat's adversarial training, small, with a constant learning rate.

  So a run that ends early and goes on has the rates of one in one go.
  """
  config = config_for(images, num_steps, start)
  config.data.benchmarks = ""
  config.checkpoint_every = 1_000  # at its end alone: saving takes longest
  config.losses = gan.get_config("srfeat").losses
  config.losses.perceptual_layers = {"relu2_1": 1.0}
  config.losses.feature_layer = "relu2_1"
  for rate in (config.learning_rate, config.discriminator_learning_rate):
    rate.boundaries = rate.factors = ()
  config.discriminators = gan.get_config("srfeat").discriminators
  for each in config.discriminators.values():
    each.features = 2
    each.hidden = 8
  return config


if __name__ == "__main__":
  flags.FLAGS.mark_as_parsed()
  index, port, images, workdir, num_steps, start, kind = sys.argv[1:]
  if port:
    cluster.join(cluster.Place(f"localhost:{port}", 2, int(index)), timeout=300)
  try:
    make = srfeat_config_for if kind == "srfeat" else config_for
    config = make(images, int(num_steps), start)
    train.train_and_evaluate(config, workdir)
  except interruption.Stopped as stopped:
    print(stopped)
    sys.exit(stopped.status)
