"""A small SRFeat on the embedded synthetic scenes: minutes on two CPU cores.

  python -m srfeat_jax.main --config=configs/quickstart.py \
      --workdir=runs/quickstart

Launched by `launch/quickstart.sh`. It shows that everything works together, and
beats bicubic on scenes it has not seen; for photographs, train on photographs.
"""

import ml_collections

from srfeat_jax.configs import pretrain


def get_config() -> ml_collections.ConfigDict:
  """`pretrain.py:srfeat_lite`, smaller and shorter."""
  config = pretrain.get_config("srfeat_lite")
  config.num_steps = 1_000
  config.crop_size = 64
  config.ema_decay = 0.99
  config.generator.features = 24
  config.generator.num_blocks = 4
  config.learning_rate.peak = 1e-3
  config.data.benchmarks = "synthetic"
  config.log_every = 50
  config.eval_every = 250
  config.checkpoint_every = 250
  return config
