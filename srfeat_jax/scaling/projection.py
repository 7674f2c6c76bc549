"""What a compiled step and a roofline say of a run, as JSON and as text."""

import dataclasses
import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import ml_collections

from srfeat_jax.scaling import (
  chips,
  collectives,
  roofline,
  step_compilation,
  topologies,
)

_DEFAULT_LEVEL = "UNKNOWN"  # as JAX calls it: the compiler's own


def project(
  config: ml_collections.ConfigDict,
  topology: topologies.Topology,
  step: step_compilation.CompiledStep,
) -> dict[str, Any]:
  """All figures of a run, JSON-able; seconds are computed, not measured.

  Args:
    config: of the run.
    topology: what its step was compiled for.
    step: the same, compiled.

  Returns:
    "batch_size" and other fields of the config; "topology", "chips",
    "versions", "optimization_level" of the compiler; bytes of "memory",
    "flops", "collectives" by kind and, as "sent", by size; of a TPU "chip", its
    published figures, "seconds" of a step, "images_per_s", and "schedule", of
    the whole run. Where the batch is taken in parts, "flops" and "seconds" are
    None.
  """
  result = {
    "topology": topology.name,
    "chips": topology.size,
    **{
      field: config[field]
      for field in (
        *("batch_size", "crop_size", "accumulation_steps", "num_steps"),
        *("dtype", "fsdp"),
      )
    },
    "versions": {name: _version(name) for name in ("jax", "jaxlib", "libtpu")},
    "optimization_level": jax.config.jax_optimization_level,  # type: ignore[attr-defined]
    "compile_seconds": round(step.seconds, 1),
    "memory": dataclasses.asdict(step.memory) | {"total": step.memory.total},
    "flops": None if step.has_loop else _flops(step),
    "collectives": totals(step.sent),
    "sent": [dataclasses.asdict(each) for each in merged(step.sent)],
  }
  if topology.chip is None:
    return result
  chip = topology.chip
  result["chip"] = dataclasses.asdict(chip) | {
    "hop_seconds": chips.HOP_SECONDS,
    "sources": list(chips.SOURCES),
  }
  result["memory"]["capacity"] = chip.memory_bytes
  if step.has_loop:
    return result | {"seconds": None, "images_per_s": None, "schedule": None}
  times = roofline.times(topology, step.flops, step.num_bytes, step.sent)
  seconds = dataclasses.asdict(times) | {"step": times.step}
  if chip.clock_hz and step.cycles:
    seconds["compiler"] = step.cycles / chip.clock_hz
  result["seconds"] = seconds
  result["images_per_s"] = config.batch_size / times.step
  hours = config.num_steps * times.step / 3600
  result["schedule"] = {
    "images": config.num_steps * config.batch_size,
    "hours": hours,
    "chip_hours": hours * topology.size,
  }
  return result


def merged(
  sent: Sequence[collectives.Collective],
) -> list[collectives.Collective]:
  """Equal ones as one, with the sum of their counts."""
  counts: dict[collectives.Collective, int] = {}
  for each in sent:
    one = dataclasses.replace(each, count=1)
    counts[one] = counts.get(one, 0) + each.count
  return [
    dataclasses.replace(each, count=count) for each, count in counts.items()
  ]


def totals(
  sent: Sequence[collectives.Collective],
) -> dict[str, dict[str, int]]:
  """ "count" and "bytes" of the collectives of each kind that there are."""
  found = {}
  for kind in collectives.KINDS:
    of_kind = [each for each in sent if each.kind == kind]
    if of_kind:
      found[kind] = {
        "count": sum(each.count for each in of_kind),
        "bytes": sum(each.count * each.num_bytes for each in of_kind),
      }
  return found


def text(result: Mapping[str, Any]) -> str:
  """The figures in lines, as `project` returns them."""
  memory, flops = result["memory"], result["flops"]
  capacity = memory.get("capacity")
  lines = [
    f"compiled for {result['topology']}{_level(result)} in"
    f" {result['compile_seconds']:.0f} s, not run",
    f"batch           {result['batch_size']} crops of"
    f" {result['crop_size']} px,"
    f" {result['batch_size'] / result['chips']:g} a chip",
    f"memory a chip   {_size(memory['total'])}"
    + (f" of {_size(capacity)}" if capacity else "")
    + f": {_size(memory['arguments'])} of state and batch,"
    f" {_size(memory['temporaries'])} in between",
  ]
  if flops is None:
    lines.append(
      "operations      not counted, nor time: the batch is taken in parts, and"
      " XLA counts one of them"
    )
  else:
    lines += [
      f"operations      {flops['step'] / 1e9:,.4g} GFLOP a step;"
      f" {flops['chip'] / 1e9:,.4g} a chip, as compiled",
      f"memory traffic  {flops['bytes'] / 1e9:.4g} GB a chip",
    ]
  sent = [
    f"{each['count']} x {kind}, {each['bytes'] / 1e6:.4g} MB"
    for kind, each in result["collectives"].items()
  ]
  lines.append(f"collectives     {'; '.join(sent) or 'none'}")
  if result.get("seconds"):
    lines += _time_lines(result)
  return "\n".join(lines)


def _time_lines(result: Mapping[str, Any]) -> list[str]:
  seconds, schedule = result["seconds"], result["schedule"]
  parts = [
    f"{name} {1e3 * seconds[name]:.4g} ms"
    for name in ("compute", "memory", "communication")
  ]
  lines = [
    f"by a roofline   {1e3 * seconds['step']:.4g} ms a step,"
    f" {result['images_per_s']:.0f} images/s ({', '.join(parts)})"
  ]
  if "compiler" in seconds:
    lines.append(
      f"by the compiler {1e3 * seconds['compiler']:.4g} ms, without collectives"
    )
  lines.append(
    f"whole run       {result['num_steps']:,} steps,"
    f" {schedule['images']:,} images: {_rounded(schedule['hours'])} hours,"
    f" {_rounded(schedule['chip_hours'])} chip-hours"
  )
  return lines


def _flops(step: step_compilation.CompiledStep) -> dict[str, float]:
  return {
    "step": step.step_flops,
    "chip": step.flops,
    "bytes": step.num_bytes,
    "cycles": step.cycles,
  }


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None


def _level(result: Mapping[str, Any]) -> str:
  level = result["optimization_level"]
  return "" if level == _DEFAULT_LEVEL else f" at level {level}"


def _rounded(value: float) -> str:
  """With three digits, or all in front of the point."""
  if value >= 100 or not value:
    return f"{value:,.0f}"
  return f"{value:.{2 - math.floor(math.log10(value))}f}"


def _size(num_bytes: int) -> str:
  if num_bytes < 2**26:
    return f"{num_bytes / 2**20:.2f} MiB"
  return f"{num_bytes / 2**30:.2f} GiB"
