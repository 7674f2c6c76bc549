"""Small generators of every kind, no weight or statistic of them trivial."""

import jax
import numpy as np
from flax import linen as nn

from srfeat_jax import models

_SMALL = {"features": 8, "num_blocks": 2}
CONFIGS = {
  "srfeat": {"architecture": "srfeat"},
  "srfeat_bicubic": {"architecture": "srfeat", "residual_base": "bicubic"},
  "srfeat_plain": {
    "architecture": "srfeat",
    "batch_norm": False,
    "block_bias": True,
    "skip_bias": True,
    "residual_base": "bilinear",
    "scale": 2,
  },
  "srresnet": {"architecture": "srresnet", "batch_norm_epsilon": 1e-3},
  "srresnet_bias": {
    "architecture": "srresnet",
    "block_bias": True,
    "prelu_per_channel": True,
    "tanh": True,
    "scale": 2,
    "residual_base": "bicubic",
  },
  "msrresnet": {"architecture": "msrresnet"},
  "rrdbnet": {"architecture": "rrdbnet", "num_blocks": 1, "growth": 4},
  "rrdbnet_x2": {
    "architecture": "rrdbnet",
    "num_blocks": 1,
    "growth": 4,
    "scale": 2,
  },
  "rrdbnet_x1": {
    "architecture": "rrdbnet",
    "num_blocks": 1,
    "growth": 4,
    "scale": 1,
  },
}

# The scales at which the above has no network of an architecture.
SCALES = {
  "srfeat_x1": {"architecture": "srfeat", "residual_base": "bilinear"},
  "srfeat_x3": {"architecture": "srfeat", "blur_after_shuffle": True},
  "srfeat_x8": {"architecture": "srfeat", "activation_after_shuffle": False},
  "srresnet_x1": {"architecture": "srresnet"},
  "srresnet_x3": {"architecture": "srresnet", "residual_base": "bicubic"},
  "srresnet_x8": {"architecture": "srresnet"},
  **{
    f"msrresnet_x{scale}": {"architecture": "msrresnet"}
    for scale in (1, 2, 3, 8)
  },
  "rrdbnet_x3": {"architecture": "rrdbnet", "num_blocks": 1, "growth": 4},
}
SCALES = {
  name: config | {"scale": int(name[-1])} for name, config in SCALES.items()
}

# What upscales in other ways, each scale with one of the two architectures.
UPSAMPLERS = {
  **{
    f"{architecture}_{upsampler}_x{scale}": {
      "architecture": architecture,
      "upsampler": upsampler,
      "scale": scale,
      "num_blocks": 1,
    }
    for upsampler, architectures in (
      ("direct", ("srfeat", "srresnet", "srfeat", "srresnet")),
      ("nearest", ("srresnet", "srfeat", "srresnet", "srfeat")),
    )
    for scale, architecture in enumerate(architectures, start=1)
  },
  "srresnet_blur_x4": {
    "architecture": "srresnet",
    "blur_after_shuffle": True,
    "num_blocks": 1,
  },
}


def build(config: dict) -> tuple[nn.Module, dict]:
  """Makes the generator and its variables."""
  generator = models.build(_SMALL | config)
  return generator, draw(generator)


def draw(generator: nn.Module) -> dict:
  """Variables of a generator, none of them trivial."""
  rng = np.random.default_rng(1)

  def values(path, leaf):
    name = path[-1].key
    if name == "kernel":
      values = rng.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1]))
    elif name in ("var", "scale"):
      values = rng.uniform(0.5, 1.5, leaf.shape)
    else:
      values = rng.normal(0, 0.3, leaf.shape)
    return values.astype(np.float32)

  return jax.tree_util.tree_map_with_path(values, models.shapes(generator))
