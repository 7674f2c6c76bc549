"""One of two processes that train together; run by `multiprocess_test`.

python -m tests.support.two_processes INDEX PORT IMAGES WORKDIR NUM_STEPS
"""

import sys

import jax
from absl import flags

from srfeat_jax import train
from srfeat_jax.configs import pretrain
from srfeat_jax.training import interruption


def config_for(images: str, num_steps: int):
  """A tiny run with BatchNorm, so that the whole batch matters."""
  config = pretrain.get_config("srfeat")
  config.num_steps = num_steps
  config.batch_size = 8
  config.crop_size = 16
  config.generator.features = 4
  config.generator.num_blocks = 2
  config.data.train = images
  config.data.crop = "random"
  config.data.augment = True
  config.data.benchmarks = "synthetic"
  config.log_every = 1
  config.checkpoint_every = 1
  return config


if __name__ == "__main__":
  flags.FLAGS.mark_as_parsed()
  index, port, images, workdir, num_steps = sys.argv[1:]
  jax.distributed.initialize(f"localhost:{port}", 2, int(index))
  try:
    train.train_and_evaluate(config_for(images, int(num_steps)), workdir)
  except interruption.Stopped as stopped:
    print(stopped)
    sys.exit(stopped.status)
