"""Training steps: images/s, FLOP/s, share of the ceiling, memory."""

import dataclasses
import math

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

  Raises:
    AssertionError: ours and the peer's networks differ in size.
    FloatingPointError: a loss is not finite.
  """
  config, vgg_settings = cases.train_config(
    cases.TRAIN[name], options.dtype, options.batch_size, options.tiny
  )
  hr = cases.crops(config)
  result = {"case": name, "batch_size": config.batch_size}
  result["crop_size"] = config.crop_size
  result["dtype"] = options.dtype
  runners, counts = {}, {}
  # Imported only if needed, because imports take memory.
  if "ours" in options.who:
    from benchmarks import ours as ours_lib

    runners["ours"] = step = ours_lib.TrainStep(config, vgg_settings, hr)
    counts["ours"] = step.parameters
    result["flops"] = step.flops
    result["compile_s"] = step.compile_seconds
  for who in ("eager", "compiled"):
    if who in options.who:
      from benchmarks import peer_training, peers

      device = peers.prepare(options.threads)
      runners[who] = step = peer_training.TrainStep(
        config, vgg_settings, hr, device, compiled=who == "compiled"
      )
      networks = {"generator": step.generator, **step.discriminators}
      counts[who] = {k: peers.num_parameters(v) for k, v in networks.items()}
  first, *others = counts.values()
  assert all(other == first for other in others), counts
  result["parameters"] = first

  drop_uncompiled(runners, result)
  for who, step in runners.items():
    for metric, value in step(1).items():
      if not math.isfinite(value):
        raise FloatingPointError(f"{name}, {who}: {metric} is {value}")
  seconds = timing.alternate(runners, options.repeats, options.count)
  result["rows"] = rows(seconds, config.batch_size, result.get("flops"))
  if machine.on_gpu():
    add_gpu_memory(result["rows"])
  return result


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
