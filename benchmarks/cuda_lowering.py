"""Lowers for CUDA all that `gpu_suite` runs, on a machine without a GPU.

  python -m benchmarks.cuda_lowering --output=FILE.json
  python -m benchmarks.cuda_lowering --case=srfeat_gan_b16 --dtype=bfloat16 \\
    --compile

Training steps, bare networks, and the programs of upscaling in tiles, in
float32 and bfloat16. Says of each what is in it, and what would be wrong: a
convolution that is not in bfloat16 where it was asked for, float64, a call that
JAX on CUDA does not know, Python on the host within the program, a state that
is not overwritten, or one that makes the next step compile again. The exit
status is 1 if anything is.

--compile has XLA compile them for an H200, too, by JAX's CUDA plugin: minutes
each. Nothing is run, and nothing tuned.
"""

import functools
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
from absl import flags

from benchmarks import cases, cuda_contents, cuda_target, gpu_jobs
from srfeat_jax import atomic, cli, errors, models
from srfeat_jax.inference import tile_program
from srfeat_jax.scaling import step_compilation

_CASE = flags.DEFINE_list("case", [], "names of cases.py; none: gpu_suite's")
_DTYPE = flags.DEFINE_list("dtype", ["bfloat16", "float32"], "number formats")
_COMPILE = flags.DEFINE_bool("compile", False, "compile for an H200, too")
_TINY = flags.DEFINE_bool("tiny", False, "shrink everything")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")


def main(argv: Sequence[str]) -> int:
  """Lowers as the flags say; returns the exit status."""
  if argv[1:]:
    raise errors.InputError(f'"{argv[1]}" is not a flag: see --help')
  for dtype in _DTYPE.value:
    if dtype not in cuda_contents.FORMATS:
      known = ", ".join(cuda_contents.FORMATS)
      raise errors.InputError(f"--dtype={dtype}: expected some of {known}")
  target = cuda_target.devices() if _COMPILE.value else []
  rows = []
  for name in _cases():
    for dtype in _DTYPE.value:
      for kind, make in _programs(name).items():
        rows.append({"case": name, "program": kind, "dtype": dtype})
        before = time.perf_counter()
        rows[-1] |= cuda_contents.report(make, dtype, *target)
        rows[-1]["seconds"] = time.perf_counter() - before
        print(_line(rows[-1]), flush=True)
        if _OUTPUT.value:
          content = json.dumps({"jax": jax.__version__, "rows": rows}, indent=1)
          atomic.replace(_OUTPUT.value, content.encode() + b"\n")
  return 1 if any(row["wrong"] for row in rows) else 0


def _cases() -> list[str]:
  """Those to lower: of cases that differ in the batch alone, the first."""
  known = {**cases.TRAIN, **cases.INFER}
  for name in _CASE.value:
    if name not in known:
      raise errors.InputError(
        f"--case={name}: expected some of {', '.join(known)}"
      )
  if _CASE.value:
    return _CASE.value
  first = {}
  for job in gpu_jobs.JOBS:
    if job.case in known:
      first.setdefault(known[job.case].variant, job.case)
  return list(first.values())


def _programs(name: str) -> dict[str, Callable]:
  """What a case runs, by what it is."""
  if name in cases.TRAIN:
    return {"step": functools.partial(_step, cases.TRAIN[name])}
  case = cases.INFER[name]
  return {
    "network": functools.partial(_network, case),
    "tiles": functools.partial(_tiles, case),
  }


def _step(case: cases.Train, dtype: str) -> tuple[Callable, Sequence[Any], Any]:
  config, _ = cases.train_config(case, dtype, tiny=_TINY.value)
  function, arguments = step_compilation.step_and_shapes(config)
  return function, arguments, (0,)


def _network(case: cases.Infer, dtype: str) -> tuple:
  module, variables, size = _generator(case, dtype)
  lr = jax.ShapeDtypeStruct((1, *size, 3), "float32")
  return module.apply, (variables, lr), ()


def _tiles(case: cases.Infer, dtype: str) -> tuple:
  """As `upscaler.Upscaler` calls it, but for the folding of BatchNorm."""
  module, variables, size = _generator(case, dtype)
  tiles = jax.ShapeDtypeStruct((1, *size, 3), "uint8")
  valid = jax.ShapeDtypeStruct((), "int32")
  return (
    functools.partial(tile_program.upscale_tiles, module),
    (variables, tiles, (valid, valid)),
    (),
  )


def _generator(case: cases.Infer, dtype: str) -> tuple:
  config = cases.generator_config(case.variant, dtype, _TINY.value)
  module = models.build(config)
  width, height = cases.image_size(case, _TINY.value)
  columns, rows = cases.grid(width, height, on_gpu=True)
  size = (height // rows, width // columns)
  return module, models.shapes(module), size


def _line(row: dict) -> str:
  name = f"{row['case']} {row['program']} {row['dtype']}: "
  wrong_ = "".join(f"\n  wrong: {each}" for each in row["wrong"])
  if "operations" not in row:
    return name + wrong_
  counts = ", ".join(f"{n} {kind}" for kind, n in row["convolutions"].items())
  said = f"{name}{row['operations']:,} operations, "
  said += f"{row['flops'] / 1e9:,.1f} GFLOP, convolutions {counts}"
  if row["compiled"]:
    compiled = row["compiled"]
    said += (
      f"\n  compiled in {compiled['seconds']:.0f} s: {compiled['kernels']:,}"
      f" kernels, {compiled['temporary_bytes'] / 2**30:.2f} GiB in between,"
      f" {compiled['moved_bytes'] / 1e6:,.0f} MB moved"
    )
    said += "".join(
      f"\n    {count} {kind}"
      for kind, count in compiled["convolutions"].items()
    )
  return said + wrong_


if __name__ == "__main__":
  cli.run(main)
