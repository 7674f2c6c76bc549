"""What is in programs that are lowered, or compiled, for CUDA, and is wrong."""

import time
from collections.abc import Callable
from typing import Any

import jax

from benchmarks import cuda_target
from srfeat_jax.scaling import lowered

# Number formats, and what StableHLO calls them.
FORMATS = {"bfloat16": "bf16", "float32": "f32"}
# What JAX's CUDA plugin registers, as far as these programs have called it.
_KNOWN_CALLS = ("cu_threefry2x32_ffi",)


def report(make: Callable, dtype: str, device: Any = None) -> dict:
  """Lowers a program, and says what is in it and what is wrong with it.

  Args:
    make: takes the number format; returns a function, its arguments, and which
      of them it may overwrite.
    dtype: the number format of the networks.
    device: to compile for; None to lower alone.
  """
  function, arguments, donated = make(dtype)
  traced = jax.jit(function, donate_argnums=donated).trace(*arguments)
  try:
    program = traced.lower(lowering_platforms=("cuda",))
  except (NotImplementedError, ValueError) as error:
    # So it is with Python on the host, which only runs where the GPU is.
    return {"wrong": [f"it cannot be lowered: {error}"]}
  contents = lowered.read(program)
  found = _wrong(contents, dtype)
  if donated:
    found += _wrong_state(traced, arguments[0], contents)
  compiled = {}
  if device is not None:
    compiled = _compile(function, arguments, donated, device)
    found += _wrong_compiled(compiled, contents, dtype)
  return {
    "operations": contents.operations,
    "flops": program.cost_analysis()["flops"],
    "convolutions": contents.count("convolution"),
    "products": contents.count("dot_general"),
    "calls": dict(contents.calls),
    "transposed_bytes": contents.transposed_bytes,
    "compiled": compiled,
    "wrong": found,
  }


def _compile(function, arguments, donated, device) -> dict:
  """Compiles a program for a device, which need not be there."""
  there = jax.sharding.SingleDeviceSharding(device)
  step = jax.jit(function, donate_argnums=donated, in_shardings=there)
  before = time.perf_counter()
  compiled = step.lower(*arguments).compile()
  seconds = time.perf_counter() - before
  usage = compiled.memory_analysis()
  return {
    "seconds": seconds,
    "arguments_bytes": usage.argument_size_in_bytes,
    "temporary_bytes": usage.temp_size_in_bytes,
    **cuda_target.read(compiled.as_text()),
  }


def _wrong_compiled(compiled, contents, dtype) -> list[str]:
  found, in_float32 = [], 0
  of_logits = sum(map(_makes_logits, contents.products))
  for each, count in compiled["convolutions"].items():
    _, number_format, layout = each.split()
    in_float32 += count if number_format == "f32" else 0
    excused = number_format == "f32" and in_float32 <= of_logits
    if number_format != FORMATS[dtype] and not excused:
      found.append(f"cuDNN's convolution {each}")
    if not layout.startswith("b01f_"):
      found.append(f"cuDNN's convolution {each}, not of NHWC")
  wanted = sum(contents.count("convolution").values())
  if sum(compiled["convolutions"].values()) > wanted:
    found.append("more convolutions than were asked for")
  return found


def _wrong(contents: lowered.Contents, dtype: str) -> list[str]:
  """What should not be in a program whose networks compute in a format."""
  found = []
  for each in contents.products:
    if each.kind != "convolution":
      continue
    if {*each.dtypes} != {FORMATS[dtype]} and not _makes_logits(each):
      found.append(
        f"a convolution of {each.dtypes}: {each.shapes} {each.where}"
      )
    if each.layout.startswith("["):
      found.append(f"a convolution laid out {each.layout} {each.where}")
  if contents.float64:
    found.append(f"{contents.float64} values of float64")
  found += [f"a call of {x}" for x in contents.calls if x not in _KNOWN_CALLS]
  found += [f"the host is asked: {each}" for each in contents.to_host]
  return found


def _makes_logits(product: lowered.Product) -> bool:
  """Whether it makes one channel, or is a gradient of one that does.

  So are the last convolutions of discriminators, and only these: they are in
  float32 whatever the others are in.
  """
  channels = [shape[-1] for shape in product.shapes if shape]
  return product.kind == "convolution" and 1 in channels


def _wrong_state(
  traced: jax.stages.Traced, state: Any, contents: lowered.Contents
) -> list[str]:
  """Whether a step does not overwrite its state, or take what it returns."""
  found = []
  before = jax.tree.leaves(state)
  if contents.donated < len(before):
    found.append(
      f"of the state's {len(before)} arrays {contents.donated} are donated"
    )
  # A step returns the next state first.
  after = traced.jaxpr.out_avals[: len(before)]
  for one, other in zip(before, after, strict=True):
    if _kind(one) != _kind(other):
      found.append(f"a step with {other} in place of {one} compiles again")
  return found


def _kind(x) -> tuple:
  return x.shape, x.dtype, x.weak_type
