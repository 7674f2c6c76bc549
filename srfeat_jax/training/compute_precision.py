"""How precisely a run computes: its networks' dtype, and its products.

`config.dtype` is the compute dtype of all networks: generator, discriminators,
VGG-19 and teacher. `config.matmul_precision` is the precision of float32
products, of convolutions too: what accelerators call float32 is rounded more
coarsely unless asked, to TF32 on a GPU and to bfloat16 on a TPU.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import ml_collections

# Of `config.dtype` and of `config.matmul_precision`; "" leaves it to the
# networks' own fields, and to the device.
DTYPES = ("", "float32", "bfloat16")
MATMUL_PRECISIONS = ("", "float32", "tensorfloat32", "bfloat16")


def with_dtype(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """A copy of a run's config in which all networks have `config.dtype`.

  So the weights that the run leaves say what they were trained with. VGG-19 and
  a teacher follow, see `networks.assemble`. With "" nothing changes.
  """
  config = config.copy_and_resolve_references()
  if config.dtype:
    with config.unlocked():
      config.generator.dtype = config.dtype
      for discriminator in config.discriminators.values():
        discriminator.dtype = config.dtype
  return config


def with_matmul_precision(function: Callable, precision: str) -> Callable:
  """A function that is traced with a precision of its products.

  Args:
    function: of arrays; what it computes outside of a trace is meant, too.
    precision: one of `MATMUL_PRECISIONS`.
  """
  if not precision:
    return function

  def traced(*args):
    with jax.default_matmul_precision(precision):
      return function(*args)

  return traced


def record(config: Mapping[str, Any]) -> dict[str, Any]:
  """What a run computes with, for `environment.json`.

  Args:
    config: of the run, JSON-able.

  Returns:
    "dtype" by network, and "matmul_precision".
  """
  networks = {"generator": config["generator"]}
  if config["vgg_weights"]:  # which follows the generator
    networks["vgg19"] = config["generator"]
  for name, each in config["discriminators"].items():
    networks[f"discriminators.{name}"] = each
  return {
    "dtype": {
      name: each.get("dtype", "float32") for name, each in networks.items()
    },
    "matmul_precision": config["matmul_precision"]
    or "the device's: TF32 on a GPU, bfloat16 on a TPU, float32 on a CPU",
  }
