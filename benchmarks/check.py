"""Checks that a device computes what the CPU does, before its speed counts.

  python -m benchmarks.check --output=FILE.json

With small networks, it takes one step of adversarial training of each kind from
the same state, and upscales an image in tiles: in float32 as exactly as the
device can, and in bfloat16. Each is compared with float32 on the CPU. The exit
status is 1 if they differ by more than the format explains. On a CPU, bfloat16
is left out, because its convolutions take minutes.
"""

import json
import os
import pathlib

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
from absl import flags

from benchmarks import cases, comparison, machine, ours
from srfeat_jax import cli
from srfeat_jax.inference import upscaler

_TINY = flags.DEFINE_bool("tiny", False, "one case only")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")

_CASES = ("srfeat_gan_b16", "esrgan_b16")
_IMAGE = "srfeat_lite_480x270"
# By format: dtype, precision, and how much losses and gradient norms (relative
# to the CPU's) and images in [0, 1] may differ. The formats have 24 and 8 bits;
# gradients pass some twenty layers, with kinks where rounding changes the side.
_FORMATS = {
  "float32": ("float32", "highest", 2e-3, 1e-4),
  "bfloat16": ("bfloat16", None, 2e-1, 5e-2),
}


def main(argv) -> int:
  """Checks all; returns the exit status."""
  del argv
  rows = []
  cases_ = _CASES[:1] if _TINY.value else _CASES
  for name, compute, compute_plainly in (
    *((name, _metrics, _metrics) for name in cases_),
    (_IMAGE, _image, _whole_image),
  ):
    with jax.default_device(jax.devices("cpu")[0]):
      reference = compute_plainly(name, "float32", "highest")
    for number_format, (dtype, precision, *tolerances) in _FORMATS.items():
      if dtype == "bfloat16" and not machine.on_gpu():
        continue
      found = compute(name, dtype, precision)
      tolerance = tolerances[compute is _image]
      rows.append({"case": name, "format": number_format})
      rows[-1] |= comparison.compare(found, reference, tolerance)
      print(json.dumps(rows[-1]), flush=True)
      if _OUTPUT.value:  # each time, because this may be stopped
        device = jax.devices()[0].device_kind
        content = {"device": device, "rows": rows}
        pathlib.Path(_OUTPUT.value).write_text(json.dumps(content) + "\n")
  return 0 if all(row["good"] for row in rows) else 1


def _metrics(name: str, dtype: str, precision: str | None) -> dict[str, float]:
  """Returns losses and gradient norms of a first step."""
  config, vgg_settings = cases.train_config(cases.TRAIN[name], dtype, tiny=True)
  hr = cases.crops(config)
  with jax.default_matmul_precision(precision):
    return ours.TrainStep(config, vgg_settings, hr)(1)


def _image(name: str, dtype: str, precision: str | None) -> dict:
  """Upscales an image that is larger than a tile."""
  del precision  # the upscaler chooses
  module, variables, lr = _image_case(name, dtype)
  return {"sr": upscaler.Upscaler(module, variables, tile=128)(lr)}


def _whole_image(name: str, dtype: str, precision: str) -> dict:
  """Does so by the bare network: upscalers choose their devices themselves."""
  module, variables, lr = _image_case(name, dtype)
  with jax.default_matmul_precision(precision):
    return {"sr": np.asarray(jax.jit(module.apply)(variables, lr[None])[0])}


def _image_case(name: str, dtype: str) -> tuple:
  config = cases.generator_config(cases.INFER[name].variant, dtype)
  generator = ours.Generator.start(config)
  lr = np.random.default_rng(0).random((150, 130, 3), np.float32)
  return generator.module, generator.variables, lr


if __name__ == "__main__":
  cli.run(main)
