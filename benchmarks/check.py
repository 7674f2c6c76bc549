"""Checks that a device computes what the CPU does, before its speed counts.

  python -m benchmarks.check --output=FILE.json

With small networks, it takes one step of training of each kind from the same
state, and upscales an image in tiles: in float32 as exactly as the device can,
in float32 as runs have it, and in bfloat16. Each is compared with float32 on
the CPU: losses and the norms of gradients, all gradients, every pixel. The exit
status is 1 if they differ by more than the format explains. On a CPU, bfloat16
is left out, because its convolutions take minutes.
"""

import json
import os
import traceback
from collections.abc import Iterator
from typing import NamedTuple

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import numpy as np
from absl import flags

from benchmarks import cases, comparison, machine, ours
from srfeat_jax import atomic, cli
from srfeat_jax.inference import upscaler

_TINY = flags.DEFINE_bool("tiny", False, "the first two alone")
_OTHERS_ALONE = flags.DEFINE_bool(
  "others", False, "steps of ESRGAN and SRGAN instead, to check in two calls"
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")

_CASES = ("srfeat_lite_480x270", "srfeat_pretrain_b16", "srfeat_gan_b16")
_OTHERS = ("esrgan_b16", "srgan_b16")


class _Format(NamedTuple):
  """A number format, and what it may change.

  Attributes:
    dtype: of the networks.
    precision: of products of float32; None: what the device does.
    losses: how much losses and norms may differ, relative to the CPU's.
    gradients: the norm of the difference, likewise.
    image: of images in [0, 1], the largest difference.
  """

  dtype: str
  precision: str | None
  losses: float
  gradients: float
  image: float


# The formats have 24, 11 and 8 bits; gradients pass some twenty layers, with
# kinks where rounding changes the side.
_FORMATS = {
  "float32": _Format("float32", "highest", 2e-3, 1e-2, 1e-4),
  "TF32": _Format("float32", None, 5e-2, 2e-1, 1e-4),
  "bfloat16": _Format("bfloat16", None, 2e-1, 5e-1, 5e-2),
}


def main(argv) -> int:
  """Checks all; returns the exit status."""
  del argv
  rows = []
  names = _OTHERS if _OTHERS_ALONE.value else _CASES
  for name in names[:2] if _TINY.value else names:
    try:
      check = _check_image if name in cases.INFER else _check_step
      for row in check(name):
        _add(rows, {"case": name, **row})
    except Exception as error:  # which does not keep others from being checked
      traceback.print_exc()
      said = f"{type(error).__name__}: {error}"[:300]
      _add(rows, {"case": name, "format": "", "good": False, "said": said})
  return 0 if all(row["good"] for row in rows) else 1


def _check_step(name: str) -> Iterator[dict]:
  """Yields a row for each format."""
  with jax.default_device(jax.devices("cpu")[0]):
    reference, moments = _step(name, "float32", "highest")
  for kind, form in _formats():
    found, found_moments = _step(name, form.dtype, form.precision)
    row = comparison.compare(found, reference, form.losses)
    row["gradients"] = {
      network: comparison.distance(found_moments[network], each)
      for network, each in moments.items()
    }
    near = [each <= form.gradients for each in row["gradients"].values()]
    yield {"format": kind} | row | {"good": row["good"] and all(near)}


def _check_image(name: str) -> Iterator[dict]:
  """Yields a row for each format."""
  with jax.default_device(jax.devices("cpu")[0]):
    reference = _whole_image(name)
  for kind, form in _formats():
    if kind == "TF32":  # upscaling in float32 asks for all of its bits
      continue
    found = _image(name, form.dtype)
    yield {"format": kind} | comparison.compare(found, reference, form.image)


def _formats() -> list[tuple[str, _Format]]:
  """Those that this device computes in."""
  names = _FORMATS if machine.on_gpu() else ("float32",)
  return [(name, _FORMATS[name]) for name in names]


def _add(rows: list[dict], row: dict) -> None:
  """Adds a row, and writes all there are, because this may be stopped."""
  rows.append(row)
  print(json.dumps(row), flush=True)
  if _OUTPUT.value:
    content = {"device": jax.devices()[0].device_kind, "rows": rows}
    atomic.replace(_OUTPUT.value, (json.dumps(content) + "\n").encode())


def _step(
  name: str, dtype: str, precision: str | None
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
  """Returns losses and gradient norms of a first step, and its gradients.

  Gradients are as Adam's first moments have them.
  """
  config, vgg_settings = cases.train_config(cases.TRAIN[name], dtype, tiny=True)
  hr = cases.crops(config)
  with jax.default_matmul_precision(precision):
    step = ours.TrainStep(config, vgg_settings, hr)
    return step(1), step.moments()


def _image(name: str, dtype: str) -> dict:
  """Upscales an image that is larger than a tile."""
  module, variables, lr = _image_case(name, dtype)
  return {"sr": upscaler.Upscaler(module, variables, tile=128)(lr)}


def _whole_image(name: str) -> dict:
  """Does so by the bare network: upscalers choose their devices themselves."""
  module, variables, lr = _image_case(name, "float32")
  with jax.default_matmul_precision("highest"):
    return {"sr": np.asarray(jax.jit(module.apply)(variables, lr[None])[0])}


def _image_case(name: str, dtype: str) -> tuple:
  config = cases.generator_config(cases.INFER[name].variant, dtype)
  generator = ours.Generator.start(config)
  lr = np.random.default_rng(0).random((150, 130, 3), np.float32)
  return generator.module, generator.variables, lr


if __name__ == "__main__":
  cli.run(main)
