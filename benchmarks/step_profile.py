"""Where the time of a training step goes, by kind of kernel.

  python -m benchmarks.step_profile --case=srfeat_gan_b16 --output=FILE.json
  python -m benchmarks.step_profile --config=configs/gan.py:srfeat_lite \
    --config.batch_size=4

Of a case of the benchmarks, or of any config. See `kernels`. On a CPU all of it
is on one core: of several threads JAX's profiler does not see all.
"""

import json
import os
import pathlib
import tempfile
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
from absl import flags

from benchmarks import cases, kernels, machine, ours
from srfeat_jax import cli, config_flag, errors

_CONFIG = config_flag.define(required=False)
_CASE = flags.DEFINE_string("case", "srfeat_gan_b16", "of `cases.TRAIN`")
_BATCH = flags.DEFINE_integer("batch", 0, "batch size instead of the case's")
_STEPS = flags.DEFINE_integer("steps", 3, "steps to trace", lower_bound=1)
_TINY = flags.DEFINE_bool(
  "tiny", False, "shrink everything, to test this program"
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")


def main(argv) -> None:
  """Profiles as the flags say."""
  del argv
  on_cpu = os.environ.get("JAX_PLATFORMS") == "cpu"
  if on_cpu or not machine.describe()["gpu"]:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
  dtype = "bfloat16" if machine.on_gpu() else "float32"
  name = _CASE.value
  if _CONFIG.value is None:
    if name not in cases.TRAIN:
      raise errors.InputError(
        f"--case={name}: expected one of {', '.join(cases.TRAIN)}; or give"
        " --config"
      )
    config, vgg_settings = cases.train_config(
      cases.TRAIN[name], dtype, _BATCH.value, _TINY.value
    )
  else:
    config = _CONFIG.value
    name, dtype = config.generator.architecture, config.generator.dtype
    vgg_settings = cases.vgg_settings(config)
  hr = cases.crops(config)
  step = ours.TrainStep(config, vgg_settings, hr)
  step(2)
  with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
      before = time.perf_counter()
      step(_STEPS.value)
      seconds = time.perf_counter() - before
    result = {
      "case": name,
      "batch_size": config.batch_size,
      "dtype": dtype,
      "seconds_a_step": seconds / _STEPS.value,
    }
    result |= kernels.summarize(pathlib.Path(folder), _STEPS.value)
  text = json.dumps(result, indent=1)
  if _OUTPUT.value:
    pathlib.Path(_OUTPUT.value).write_text(text + "\n")
  print(text)


if __name__ == "__main__":
  cli.run(main)
