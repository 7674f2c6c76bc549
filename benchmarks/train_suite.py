"""Training steps: images/s, FLOP/s, share of the ceiling, memory."""

import dataclasses
import functools
import math
import traceback
from collections.abc import Callable

from benchmarks import cases, machine, timing


@dataclasses.dataclass(frozen=True)
class Options:
  """How a case is measured.

  Attributes:
    who: some of "ours", "eager", "compiled" and "onnx".
    dtype: "float32" or "bfloat16".
    batch_size: instead of that of the case; 0: that of the case.
    repeats: the number of turns.
    count: steps or images in each turn.
    threads: of PyTorch and ONNX Runtime on a CPU; 0: their default.
    tiny: shrink everything, to test the benchmark itself.
  """

  who: tuple[str, ...]
  dtype: str
  batch_size: int = 0
  repeats: int = 5
  count: int = 1
  threads: int = 0
  tiny: bool = False


def measure(name: str, options: Options) -> dict:
  """Measures a case of `cases.TRAIN`.

  Returns:
    "rows", by whom; of who is not in them the reason. It has an "error", too,
    if that is ours, or a loss is not finite.

  Raises:
    AssertionError: ours and the peer's networks differ in size.
    RuntimeError: nobody could be measured.
  """
  config, vgg_settings = cases.train_config(
    cases.TRAIN[name], options.dtype, options.batch_size, options.tiny
  )
  hr = cases.crops(config)
  result = {"case": name, "batch_size": config.batch_size}
  result["crop_size"] = config.crop_size
  result["dtype"] = options.dtype
  runners, counts = {}, {}

  def ours():
    from benchmarks import ours as ours_lib

    step = ours_lib.TrainStep(config, vgg_settings, hr)
    counts["ours"] = step.parameters
    result["flops"] = step.flops
    result["compile_s"] = step.compile_seconds
    return step

  def peer(who):
    from benchmarks import peer_training, peers

    device = peers.prepare(options.threads)
    step = peer_training.TrainStep(
      config, vgg_settings, hr, device, compiled=who == "compiled"
    )
    networks = {"generator": step.generator, **step.discriminators}
    counts[who] = {k: peers.num_parameters(v) for k, v in networks.items()}
    return step

  # Imported only if needed, because imports take memory.
  for who in ("ours", "eager", "compiled"):
    if who in options.who:
      make = ours if who == "ours" else functools.partial(peer, who)
      _start(runners, who, make, result)
  if not runners:
    raise RuntimeError(f"{name}: {result}")
  first, *others = counts.values()
  assert all(other == first for other in others), counts
  result["parameters"] = first
  seconds = timing.alternate(runners, options.repeats, options.count)
  result["rows"] = rows(seconds, config.batch_size, result.get("flops"))
  if machine.on_gpu():
    add_gpu_memory(result["rows"])
  return result


def _start(runners: dict, who: str, make: Callable, result: dict) -> None:
  """Makes a runner and takes a step; if that fails, the result says why.

  One that fails does not keep the others from being measured: there may be no
  C++ compiler for `torch.compile`, or too little memory for one of them.
  """
  try:
    step = make()
    metrics = step(1)
  except Exception as error:
    traceback.print_exc()
    result[who] = f"not measured: {error}"[:300]
    if who == "ours":
      result["error"] = "".join(traceback.format_exception(error))[-2000:]
    return
  runners[who] = step
  for metric, value in metrics.items():
    if not math.isfinite(value):
      result["error"] = f"{who}: {metric} is {value}"


def drop_uncompiled(runners: dict, result: dict) -> None:
  """Leaves out `torch.compile` if it fails, and records why in the result.

  There may be no C++ compiler for it, which does not affect the others.
  """
  try:
    runners.get("compiled", lambda count: None)(1)
  except Exception as error:
    result["compiled"] = f"not measured: {error}"[:300]
    del runners["compiled"]


def rows(seconds: dict, amount: float, flops: float | None) -> dict:
  """Returns the results of each runner.

  Args:
    seconds: from `timing.alternate`.
    amount: images per step, or megapixels per image.
    flops: of one step or image.
  """
  found = {}
  for who, each in seconds.items():
    row = timing.summarize(each)
    row["per_s"] = amount / row["median_s"]
    if flops:
      row["flops_per_s"] = flops / row["median_s"]
    if "ours" in seconds and who != "ours":
      row["ours_is_faster_by"] = timing.ratio(seconds["ours"], each)
    found[who] = row
  return found


def add_gpu_memory(found: dict) -> None:
  """Adds to rows the peak memory of this process, which measures one case."""
  import jax
  import torch

  if "ours" in found:
    peak = jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    found["ours"]["peak_bytes"] = peak
  for who in ("eager", "compiled"):
    if who in found:
      found[who]["peak_bytes"] = torch.cuda.max_memory_allocated()
