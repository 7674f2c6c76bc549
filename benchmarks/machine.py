"""The machine that measures, and the most that it can compute."""

import importlib.metadata
import os
import pathlib
import platform
import resource
import subprocess
import sys
import time

from benchmarks import timing

_PACKAGES = (
  *("jax", "jaxlib", "jax-cuda13-plugin", "flax", "optax", "numpy"),
  *("torch", "triton", "onnxruntime", "grain"),
)


def describe() -> dict:
  """Returns versions, hardware, and how busy the machine is at the moment."""
  return {
    "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    "python": platform.python_version(),
    "platform": platform.platform(),
    "versions": {name: _version(name) for name in _PACKAGES},
    "cpu": _cpu(),
    "cores": len(os.sched_getaffinity(0)),
    "gpu": _gpu(),
    "load_average": os.getloadavg(),
    "xla_flags": os.environ.get("XLA_FLAGS", ""),
  }


def on_gpu() -> bool:
  """Whether JAX computes on a GPU."""
  import jax

  return jax.default_backend() == "gpu"


def peak_host_bytes() -> int:
  """Returns the peak memory of this process on the host."""
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak * (1 if sys.platform == "darwin" else 1024)


def matmul_ceiling(dtype: str, tiny: bool = False) -> dict:
  """Measures FLOP/s of a large matrix product, the better of JAX and PyTorch.

  Args:
    dtype: "float32" (on a GPU TF32, as in convolutions of both libraries) or
      "bfloat16".
    tiny: a small product, to test the benchmark itself.
  """
  import jax
  import torch

  from benchmarks import peers

  gpu = on_gpu()
  side = 64 if tiny else 8192 if gpu else 2048
  device = peers.prepare()

  # Random numbers, because with zeros chips are faster.
  a, b = (torch.randn(side, side, device=device) for _ in range(2))
  ours = [jax.numpy.asarray(x.cpu().numpy(), dtype) for x in (a, b)]
  theirs = [x.to(getattr(torch, dtype)) for x in (a, b)]
  product = jax.jit(jax.numpy.matmul)

  def run_ours(count):
    for _ in range(count):
      result = product(*ours)
    result.block_until_ready()

  def run_theirs(count):
    for _ in range(count):
      torch.matmul(*theirs)
    peers.synchronize(device)

  seconds = timing.alternate(
    {"jax": run_ours, "torch": run_theirs},
    repeats=5,
    count=20 if gpu else 1,
    warm_up=2,
  )
  rates = {
    name: 2 * side**3 / timing.summarize(each)["median_s"]
    for name, each in seconds.items()
  }
  return {"dtype": dtype, "side": side, "flops_per_s": max(rates.values())} | {
    f"{name}_flops_per_s": rate for name, rate in rates.items()
  }


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None


def _cpu() -> str:
  info = pathlib.Path("/proc/cpuinfo")
  if info.exists():
    for line in info.read_text().splitlines():
      if line.startswith("model name"):
        return line.split(":", 1)[1].strip()
  return platform.processor()


def _gpu() -> str | None:
  try:
    result = subprocess.run(
      [
        "nvidia-smi",
        "--query-gpu=name,driver_version",
        "--format=csv,noheader",
      ],
      capture_output=True,
      text=True,
      check=True,
    )
  except (OSError, subprocess.CalledProcessError):
    return None
  return result.stdout.strip()
