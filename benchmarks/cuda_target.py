"""An NVIDIA H200 that is not there, to compile for, and what XLA made for it.

JAX's CUDA plugin compiles without a GPU if it is told what the GPU is like. It
tunes nothing, and cuDNN chooses no algorithms: kernels, memory and layouts are
those that XLA chooses by itself.
"""

import importlib.util
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from srfeat_jax import errors

# What NVIDIA publishes of the GPU, and the versions of the libraries.
_H200 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132
  fpus_per_core: 128
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
  shared_memory_per_core: 233472
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  clock_rate_ghz: 1.98
  l2_cache_size: 52428800
  memory_bandwidth: 4800000000000
  device_memory_size: 150754820096
}
dnn_version_info { major: 9 minor: 10 }
platform_name: "CUDA"
device_description_str: "NVIDIA H200"
"""
_CONVOLUTION = re.compile(
  r" = \(?(\w+)\[.*dim_labels=(\S+?),.*"
  r'custom_call_target="__cudnn\$conv(\w+)"'
)
_MOVED = re.compile(
  r"%[\w.-]*(?:transpose|copy)[\w.-]* = (\w+)\[([\d,]+)\]\S* (?:fusion|copy)\("
)
_KERNEL = re.compile(r" (?:fusion|custom-call|copy)\(")


def devices() -> Sequence[Any]:
  """The GPU, to compile for.

  Raises:
    errors.InputError: JAX's CUDA plugin is not installed, or is no such thing.
  """
  if importlib.util.find_spec("jax_plugins.xla_cuda13") is None:
    raise errors.InputError(
      "--compile needs JAX's CUDA plugin, which needs no GPU: in an"
      ' environment of its own, pip install "jax[cuda13]"'
    )
  from jax.experimental import topologies

  found = topologies.get_topology_desc(
    platform="cuda", topology="1x1x1", target_config=_H200
  )
  return found.devices


def read(text: str) -> dict:
  """What a compiled program consists of.

  Args:
    text: of it, `compiled.as_text()`.

  Returns:
    How many kernels it starts (loops count once); cuDNN's convolutions by kind,
    format and layout; and the bytes of kernels that do nothing but move
    feature maps.
  """
  entry = text[text.index("\nENTRY ") :]
  convolutions = Counter(
    " ".join((kind, dtype, layout))
    for dtype, layout, kind in _CONVOLUTION.findall(text)
  )
  moved = 0
  for dtype, sizes in _MOVED.findall(entry):
    shape = [int(size) for size in sizes.split(",")]
    if len(shape) >= 4:
      moved += math.prod(shape) * int(re.sub(r"\D", "", dtype) or 8) // 8
  return {
    "kernels": len(_KERNEL.findall(entry)),
    "convolutions": dict(convolutions.most_common()),
    "moved_bytes": moved,
  }
