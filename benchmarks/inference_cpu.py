"""The same network on the same picture by us, PyTorch and ONNX Runtime.

  python -m benchmarks.inference_cpu

480 x 270 pixels of uint8 in, four times that out, on the CPU. All take turns in
one process, so that what else the machine does hits them alike; printed are the
median and the range of the times, and the median of the ratios of each turn.
Weights are random: they make no difference to the time. "plain JAX" is the
network as it is trained, BatchNorm and all, compiled for this picture alone.
ONNX Runtime takes part if it and onnx are installed.
"""

import os
import pathlib
import statistics
import tempfile
import time

import jax
import numpy as np
import torch
from absl import flags

from configs import pretrain
from srfeat_jax import cli, errors, models
from srfeat_jax.data import synthetic
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import generator_file, onnx_file
from srfeat_jax.ops import pixels
from tests import networks

_ROUNDS = flags.DEFINE_integer("rounds", 7, "turns", lower_bound=1)
_WIDTH = flags.DEFINE_integer("width", 480, "of the picture", lower_bound=8)
_CONFIGS = {
  "srfeat-lite": pretrain.get_config("srfeat_lite").generator.to_dict(),
  "SRResNet": pretrain.get_config("srresnet").generator.to_dict(),
}


def main(argv) -> None:
  """Measures every network and prints a table."""
  del argv
  width, height = _WIDTH.value, _WIDTH.value * 9 // 16
  lr = synthetic.scene(0, width)[:height]
  print(
    f"{width} x {height}, {os.cpu_count()} cores, jax {jax.__version__}, torch"
    f" {torch.__version__}, load {os.getloadavg()[0]:.1f} at the start"
  )
  for name, config in _CONFIGS.items():
    contenders = _contenders(config)
    expected = contenders["ours"](lr).astype(int)
    for other, run in contenders.items():  # warms up, too
      difference = np.abs(run(lr) - expected).max()
      if difference > 1:
        raise AssertionError(f"{other} is {difference} levels off")
    times = {other: [] for other in contenders}
    for _ in range(_ROUNDS.value):
      for other, run in contenders.items():
        before = time.perf_counter()
        run(lr)
        times[other].append(time.perf_counter() - before)
    for other, seconds in times.items():
      ratios = [a / b for a, b in zip(seconds, times["ours"], strict=True)]
      print(
        f"{name:12} {other:13} {statistics.median(seconds):6.2f} s"
        f" ({min(seconds):.2f} to {max(seconds):.2f}),"
        f" {statistics.median(ratios):.2f} times ours"
      )
  print(f"load {os.getloadavg()[0]:.1f} at the end")


def _contenders(config: dict) -> dict:
  """Functions from uint8 [h, w, 3] to uint8, by name."""
  peer = networks.peer_of(config).float().eval()
  variables = networks.variables_of(peer, config)
  generator = models.build(config)
  plain = jax.jit(
    lambda lr: pixels.to_uint8(
      generator.apply(variables, pixels.to_float(lr)[None])[0]
    )
  )

  def by_torch(lr):
    x = torch.from_numpy(pixels.to_float(lr)).permute(2, 0, 1)[None]
    with torch.inference_mode():
      sr = peer(x)[0].clamp(0, 1).mul(255).add(0.5).to(torch.uint8)
    return sr.permute(1, 2, 0).numpy()

  contenders = {
    "ours": upscaler.Upscaler(generator, variables),
    "plain JAX": lambda lr: np.asarray(plain(lr)),
    "PyTorch": by_torch,
  }
  try:
    contenders["ONNX Runtime"] = _by_onnxruntime(config, variables)
  except (ImportError, errors.InputError) as error:
    print(f"without ONNX Runtime: {error}")
  return contenders


def _by_onnxruntime(config: dict, variables: dict):
  import onnxruntime

  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "network.onnx"
    onnx_file.save(path, generator_file.complete(config), variables)
    session = onnxruntime.InferenceSession(
      str(path), providers=["CPUExecutionProvider"]
    )

  def run(lr):
    x = np.ascontiguousarray(pixels.to_float(lr).transpose(2, 0, 1)[None])
    (sr,) = session.run(None, {"lr": x})
    return pixels.to_uint8(sr[0]).transpose(1, 2, 0)

  return run


if __name__ == "__main__":
  cli.run(main)
