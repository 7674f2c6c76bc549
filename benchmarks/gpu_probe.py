"""Whether JAX and PyTorch both compute on the GPU, within one process.

  python -m benchmarks.gpu_probe --output=FILE.json

A convolution in bfloat16 by each, compared with float32 on the CPU: the
libraries bring a cuDNN of their own, and may not get along.
"""

import json
import os
import pathlib

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
from absl import flags

from benchmarks import comparison, machine, peers
from srfeat_jax import cli
from srfeat_jax.models import convolution

_TINY = flags.DEFINE_bool("tiny", False, "a CPU will do")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")
_TOLERANCE = 2e-2  # of results of about 1, in bfloat16


def main(argv) -> int:
  """Probes; returns the exit status."""
  del argv
  rng = np.random.default_rng(0)
  x = rng.standard_normal((4, 64, 64, 64), np.float32)
  kernel = rng.standard_normal((3, 3, 64, 64), np.float32) / 24
  with jax.default_device(jax.devices("cpu")[0]):
    reference = np.asarray(jax.jit(convolution.convolve)(x, kernel))
  result: dict = {"device": jax.devices()[0].device_kind}
  result["jax_on_gpu"] = machine.on_gpu()
  statistics = jax.devices()[0].memory_stats() or {}
  result["memory_bytes"] = statistics.get("bytes_limit")
  result["rows"] = []
  for name, compute in (("JAX", _by_jax), ("PyTorch", _by_torch)):
    row = {"case": name, "format": "bfloat16"}
    found = {"convolution": compute(x, kernel)}
    row |= comparison.compare(found, {"convolution": reference}, _TOLERANCE)
    result["rows"].append(row)
  result["torch_device"] = str(peers.prepare())
  text = json.dumps(result, indent=1)
  print(text)
  if _OUTPUT.value:
    pathlib.Path(_OUTPUT.value).write_text(text + "\n")
  on_gpu = result["jax_on_gpu"] and result["torch_device"] == "cuda"
  good = all(row["good"] for row in result["rows"])
  return 0 if good and (on_gpu or _TINY.value) else 1


def _by_jax(x, kernel) -> np.ndarray:
  x, kernel = (jax.numpy.asarray(each, "bfloat16") for each in (x, kernel))
  return np.asarray(jax.jit(convolution.convolve)(x, kernel), np.float32)


def _by_torch(x, kernel) -> np.ndarray:
  import torch

  device = peers.prepare()
  x = peers.to_device(x, device).bfloat16()
  kernel = torch.from_numpy(kernel.transpose(3, 2, 0, 1)).to(x)
  y = torch.nn.functional.conv2d(x, kernel, padding=1)
  return y.permute(0, 2, 3, 1).float().cpu().numpy()


if __name__ == "__main__":
  cli.run(main)
