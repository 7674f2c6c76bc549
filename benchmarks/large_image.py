"""A very large image with little memory: 12000 x 9000 pixels, peak and time.

  python -m benchmarks.large_image

Upscales a synthetic image of 3000 x 2250 pixels with the shipped weights, in a
process of its own, and prints that process's peak memory, which includes the
result, and how long it took. The default of `--memory` is that of the upscaler.
"""

import os
import resource
import subprocess
import sys
import time

from absl import flags

from srfeat_jax import cli

_MEMORY = flags.DEFINE_integer("memory", 1536, "memory for one tile, in MiB")
_TILE = flags.DEFINE_integer("tile", None, "side of tiles, not by --memory")
_HERE = flags.DEFINE_bool("here", False, "measure here: used by itself")


def main(argv) -> int:
  """Starts a process that measures, or measures."""
  if not _HERE.value:
    program = [sys.executable, "-m", "benchmarks.large_image", "--here"]
    return subprocess.run(program + list(argv[1:]) + sys.argv[1:]).returncode
  # Imported here, so that the memory that imports take counts.
  import numpy as np

  from srfeat_jax import models
  from srfeat_jax.data import synthetic
  from srfeat_jax.inference import upscaler
  from srfeat_jax.weights import lookup

  scene = synthetic.scene(0, 750)
  lr = np.tile(scene, (3, 4, 1))
  loaded = lookup.load("srfeat-lite")
  upscale = upscaler.Upscaler(
    models.build(loaded.generator),
    loaded.variables,
    _TILE.value,
    memory=_MEMORY.value * 2**20,
  )
  idle = _peak()
  before = time.perf_counter()
  sr = upscale(lr)
  seconds = time.perf_counter() - before
  print(
    f"{lr.shape[1]} x {lr.shape[0]} -> {sr.shape[1]} x {sr.shape[0]} in"
    f" {seconds:.0f} s, compilation included; peak {_peak():.2f} GiB, of which"
    f" {idle:.2f} GiB before it and {sr.nbytes / 2**30:.2f} GiB the result;"
    f" load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
  )
  return 0


def _peak() -> float:
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
  cli.run(main)
