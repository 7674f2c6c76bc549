"""How long a person waits: imports, --help, the first step, the first image.

Each is measured in a process of its own, from its start to its end.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import timing
from srfeat_jax.image_io import images

_MODULES = ("numpy", "jax", "srfeat_jax.models", "srfeat_jax.train")
_PROGRAMS = ("main", "evaluate", "upscale", "convert", "sweep", "demo")
_ROOT = pathlib.Path(__file__).resolve().parents[1]


def measure(repeats: int, tiny: bool = False) -> list[dict]:
  """Measures all: the median and spread of repeats, and cold starts once.

  Args:
    repeats: how often each is measured.
    tiny: one of each kind only, to test the benchmark itself.
  """
  modules, programs = _MODULES, _PROGRAMS
  if tiny:
    modules, programs = modules[:1], programs[:1]
  results = []
  for module in modules:
    seconds = [_seconds("-c", f"import {module}") for _ in range(repeats)]
    results.append(_result(f"import {module}", seconds))
  for program in programs:
    seconds = [
      # absl ends --help with 1.
      _seconds("-m", f"srfeat_jax.{program}", "--help", statuses=(0, 1))
      for _ in range(repeats)
    ]
    results.append(_result(f"{program} --help", seconds))
  with tempfile.TemporaryDirectory() as folder:
    for what, first in (("step", _first_step), ("image", _first_image)):
      place = pathlib.Path(folder) / what
      place.mkdir()
      # By default JAX does not keep programs that compile fast.
      environment = {
        "JAX_COMPILATION_CACHE_DIR": str(place / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
      }
      cold, *warm = [
        _seconds(*first(place, i), environment=environment)
        for i in range(1 + repeats)
      ]
      results.append(_result(f"first {what}, nothing compiled yet", [cold]))
      results.append(_result(f"first {what}, compiled before", warm))
  return results


def _first_step(place: pathlib.Path, i: int) -> list[str]:
  del place, i
  program = ["-m", "benchmarks.full_size"]
  return [
    *(*program, "--config=configs/pretrain.py:srfeat_lite"),
    *("--config.batch_size=1", "--config.crop_size=32"),
  ]


def _first_image(place: pathlib.Path, i: int) -> list[str]:
  source = place / "in.png"
  image = np.random.default_rng(0).integers(0, 256, (270, 480, 3), np.uint8)
  images.write(source, image)
  # Another target each time, because files that exist may be kept.
  target = place / f"out_{i}.png"
  return [
    *("-m", "srfeat_jax.upscale", str(source)),
    *("--weights=srfeat-lite", f"--output={target}"),
  ]


def _result(case: str, seconds: list[float]) -> dict:
  return {"case": case, **timing.summarize(seconds)}


def _seconds(*arguments: str, statuses=(0,), environment=None) -> float:
  before = time.perf_counter()
  result = subprocess.run(
    [sys.executable, *arguments],
    cwd=_ROOT,
    env=os.environ | (environment or {}),
    capture_output=True,
    text=True,
    check=False,
  )
  seconds = time.perf_counter() - before
  if result.returncode not in statuses:
    raise RuntimeError(f"{' '.join(arguments)}: {result.stderr[-2000:]}")
  return seconds
