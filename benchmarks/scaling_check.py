"""Compares what `srfeat_jax.aot` says of a step with the step itself.

  python -m benchmarks.scaling_check --config=configs/gan.py:srfeat_lite

Compiles the step of a config for one device of this machine, as `aot` does for
--topology=cpu:1, then takes two steps of it, on noise. Prints what `aot` says
of memory next to what the arrays take and to how much the memory of the process
grew at most; and its operations next to those that `benchmarks.ours` counts.
Linux only. All weights are alike.
"""

import pathlib
import re

import jax

from benchmarks import cases, ours
from srfeat_jax import cli, config_flag, errors
from srfeat_jax.scaling import step_compilation, topologies
from srfeat_jax.training import parallel

_CONFIG = config_flag.define()


def main(argv) -> None:
  """Prints both figures of each."""
  if argv[1:]:
    raise errors.InputError(f'unexpected argument "{argv[1]}"')
  topology = topologies.parse("cpu:1")
  topologies.prepare(topology)
  config = _CONFIG.value
  step = step_compilation.compile_step(config, topology)
  function, shapes = step_compilation.step_and_shapes(config)
  own_count = ours.count_flops(function, *shapes)
  del function
  mesh = parallel.make_mesh(topology.devices())
  _, shapes = step_compilation.step_and_shapes(config, mesh)
  jax.clear_caches()
  before = _resident("VmRSS")
  _reset_peak()

  def fill(shape):
    if shape.dtype == "uint8":
      return jax.device_put(cases.crops(config))
    return jax.jit(lambda: jax.numpy.full(shape.shape, 0.01, shape.dtype))()

  arguments = jax.tree.map(fill, shapes)
  held = sum(x.nbytes for x in jax.tree.leaves(arguments))
  state, *rest = arguments
  del arguments
  for _ in range(2):
    state, scalars = step.compiled(state, *rest)
    jax.block_until_ready((state, scalars))
  grown = _resident("VmHWM") - before
  memory = step.memory
  print(
    f"{config.generator.architecture}, batch {config.batch_size} of"
    f" {config.crop_size} px\n"
    f"memory, compiled: {memory.total / 1e6:,.1f} MB, of it arguments"
    f" {memory.arguments / 1e6:,.1f}\n"
    f"memory, run:      {grown / 1e6:,.1f} MB more at its peak, of it arguments"
    f" {held / 1e6:,.1f}\n"
    f"operations:       {step.step_flops / 1e9:,.3f} GFLOP as written,"
    f" {step.flops / 1e9:,.3f} compiled; by benchmarks.ours"
    f" {own_count / 1e9:,.3f}"
  )


def _resident(field: str) -> int:
  """Bytes of this process's memory, now ("VmRSS") or at most ("VmHWM")."""
  status = pathlib.Path("/proc/self/status").read_text()
  found = re.search(rf"^{field}:\s*(\d+) kB", status, re.MULTILINE)
  if found is None:
    raise errors.InputError("/proc/self/status does not say: Linux is needed")
  return 1024 * int(found[1])


def _reset_peak() -> None:
  """Has the most memory so far forgotten."""
  pathlib.Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
  cli.run(main)
