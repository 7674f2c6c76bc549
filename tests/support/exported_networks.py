"""Small generators of every kind to export, and image sizes to test."""

import jax
import numpy as np

from srfeat_jax import models
from srfeat_jax.interchange import generator_file

SMALL = {"features": 8, "num_blocks": 2}


CONFIGS = (
  {"architecture": "srfeat"},
  {"architecture": "srfeat", "batch_norm": False, "block_bias": True,
   "skip_bias": True, "residual_base": "bilinear", "initializer": "uniform"},
  {"architecture": "srfeat", "residual_base": "bicubic", "tanh": True,
   "activation_after_shuffle": False, "scale": 2},
  {"architecture": "srresnet", "input_range": "imagenet"},
  {"architecture": "srresnet", "prelu_per_channel": True, "block_bias": True,
   "tanh": True, "input_range": "symmetric", "batch_norm_epsilon": 1e-2},
  {"architecture": "srfeat", "residual_base": "bilinear", "scale": 1},
  {"architecture": "srfeat", "blur_after_shuffle": True, "scale": 3},
  {"architecture": "srresnet", "residual_base": "bicubic", "scale": 8},
  {"architecture": "srresnet", "scale": 1, "after_trunk": "prelu"},
  {"architecture": "srresnet", "residual_base": "bicubic", "scale": 3},
  {"architecture": "srfeat", "upsampler": "direct", "scale": 3},
  {"architecture": "srfeat", "upsampler": "nearest",
   "blur_after_shuffle": True},
  {"architecture": "srresnet", "upsampler": "direct", "scale": 1},
  {"architecture": "srresnet", "upsampler": "direct"},
  {"architecture": "srresnet", "upsampler": "nearest", "scale": 2},
  {"architecture": "srresnet", "blur_after_shuffle": True},
  {"architecture": "msrresnet"},
  {"architecture": "msrresnet", "scale": 1},
  {"architecture": "msrresnet", "scale": 2},
  {"architecture": "msrresnet", "scale": 3},
  {"architecture": "rrdbnet", "growth": 4},
  {"architecture": "rrdbnet", "growth": 4, "scale": 2},
  {"architecture": "rrdbnet", "growth": 4, "scale": 3},
  {"architecture": "rrdbnet", "growth": 4, "scale": 1, "residual_scale": 0.5},
)  # fmt: skip


SIZES = ((1, 1, 1), (2, 7, 13), (1, 32, 5))


def made(config: dict) -> tuple:
  """A complete config, its module, and variables without zeros or ones."""
  config = generator_file.complete(SMALL | config)
  module = models.build(config)
  shapes = models.shapes(module)
  rng = np.random.default_rng(0)

  def fill(path, x):
    if path[-1].key in ("var", "scale"):
      return rng.uniform(0.5, 1.5, x.shape).astype(np.float32)
    fan_in = np.prod(x.shape[:-1]) if len(x.shape) == 4 else 25
    return rng.normal(0, fan_in**-0.5, x.shape).astype(np.float32)

  return config, module, jax.tree_util.tree_map_with_path(fill, shapes)
