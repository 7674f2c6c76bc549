"""Fine-tuning: weights that come with the package learn a folder of yours.

  python -m srfeat_jax.main --config=configs/finetune.py \
      --config.data.train=FOLDER --config.data.benchmarks=BENCHMARKS \
      --workdir=runs/finetuned

srfeat_lite   From srfeat-lite, PSNR-oriented, 300 steps of 16 crops of 96: a
              few minutes on two CPU cores.

Small steps keep what the weights can do: a learning rate of 3e-5 at most, 13
times below that of their training, a warm-up, in which Adam finds the magnitude
of gradients, and the average of the weights. At 4e-4 the first ten steps on 46
photographs take srfeat-lite from 31.23 to 31.09 dB on Set5; 150 steps of
this config to 31.26.

FOLDER has images like those to be upscaled, but larger, the HR images.
Keep some of them apart, in BENCHMARKS/mine/HR, to see whether it helps. For
weights of your own set config.init_from, and config.generator as in their run.
"""

import ml_collections

from srfeat_jax.configs import common, pretrain


def get_config(variant: str = "srfeat_lite") -> ml_collections.ConfigDict:
  """The config of a variant, one of `VARIANTS`."""
  return common.choose("configs/finetune.py", variant, VARIANTS)


def _srfeat_lite():
  config = pretrain.get_config("srfeat_lite")
  config.init_from = "srfeat-lite"
  config.num_steps = 300
  config.ema_decay = 0.99
  config.learning_rate = common.cosine(3e-5, final=1e-6, until=1.0, warmup=0.1)
  config.log_every = 20
  config.eval_every = 100
  config.checkpoint_every = 100
  return config


# What makes each variant, in the order of the text above.
VARIANTS: common.Variants = {"srfeat_lite": _srfeat_lite}
