"""Whether a device computes what the CPU does: before its speed counts.

  python -m benchmarks.check --output=FILE.json

Small networks, one step of each kind of training from the same state, in
float32 as exact as the device can, as it does by default, and in bfloat16; each
is held against the CPU's float32. Ends with status 1 where they differ by more
than the format explains. bfloat16 is left out on a CPU, where its convolutions
take minutes.
"""

import json
import os
import pathlib

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
from absl import flags

from benchmarks import cases, machine, ours
from srfeat_jax import cli

_TINY = flags.DEFINE_bool("tiny", False, "one case only")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")

_CASES = ("srfeat_gan_b16", "esrgan_b16", "srgan_b16", "srfeat_pretrain_b16")
# By how much losses and the gradients' norms may differ, relative to the CPU's:
# the formats have 24, 11 and 8 bits; gradients pass some twenty layers, and
# kinks that rounding takes the other way.
_WAYS = {
  "float32, highest precision": ("float32", "highest", 2e-3),
  "float32, default precision": ("float32", None, 3e-2),
  "bfloat16": ("bfloat16", None, 2e-1),
}


def main(argv) -> int:
  """Checks all; returns the exit status."""
  del argv
  rows = []
  for name in _CASES[:1] if _TINY.value else _CASES:
    with jax.default_device(jax.devices("cpu")[0]):
      reference = _metrics(name, "float32", "highest")
    for way, (dtype, precision, tolerance) in _WAYS.items():
      if dtype == "bfloat16" and not machine.on_gpu():
        continue
      metrics = _metrics(name, dtype, precision)
      errors = {
        metric: abs(metrics[metric] - value) / max(abs(value), 1e-3)
        for metric, value in reference.items()
      }
      worst = max(errors, key=errors.get)
      good = bool(np.isfinite(errors[worst]) and errors[worst] <= tolerance)
      rows.append({"case": name, "way": way, "good": good})
      rows[-1] |= {"worst": worst, "error": errors[worst]}
      print(json.dumps(rows[-1]), flush=True)
  if _OUTPUT.value:
    device = jax.devices()[0].device_kind
    content = {"device": device, "rows": rows}
    pathlib.Path(_OUTPUT.value).write_text(json.dumps(content) + "\n")
  return 0 if all(row["good"] for row in rows) else 1


def _metrics(name: str, dtype: str, precision: str | None) -> dict[str, float]:
  """Losses and gradients' norms of a first step."""
  config, vgg_settings = cases.train_config(cases.TRAIN[name], dtype, tiny=True)
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  hr = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
  with jax.default_matmul_precision(precision):
    return ours.TrainStep(config, vgg_settings, hr)(1)


if __name__ == "__main__":
  cli.run(main)
