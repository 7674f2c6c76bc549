"""Upscaling: megapixels/s, latency, memory.

"network" is the bare network on an input that is on the device, tile by tile
where the whole would not fit; "image" is a uint8 image that goes from the host
to the device and back.
"""

import numpy as np

from benchmarks import cases, machine, timing, train_suite


def measure(name: str, options: train_suite.Options) -> dict:
  """Measures a case of `cases.INFER`.

  Raises:
    AssertionError: ours and the peer's networks differ in size.
  """
  from benchmarks import ours as ours_lib

  case = cases.INFER[name]
  config = cases.generator_config(case.variant, options.dtype, options.tiny)
  width, height = cases.image_size(case, options.tiny)
  columns, rows = cases.grid(width, height, machine.on_gpu())
  tiles = columns * rows
  rng = np.random.default_rng(0)
  tile = rng.random((1, height // rows, width // columns, 3), np.float32)
  image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
  megapixels = width * height * config["scale"] ** 2 / 1e6
  result = {"case": name, "dtype": options.dtype, "tiles": tiles}
  result |= {"width": width, "height": height}

  networks, whole_images, counts, flops = {}, {}, [], None
  ours = None
  if {"ours", "onnx"} & set(options.who):
    ours = ours_lib.Generator.start(config)
    counts.append(ours.parameters)
  if "ours" in options.who:
    networks["ours"], flops = ours.network(tile)
    whole_images["ours"] = ours.image(image)
    flops *= tiles
  for who in ("eager", "compiled"):
    if who in options.who:
      from benchmarks import peers  # only if needed: imports take memory

      device = peers.prepare(options.threads)
      peer = peers.Generator(config, device, compiled=who == "compiled")
      networks[who] = peer.network(tile)
      whole_images[who] = peer.image(image, columns, rows)
      counts.append(peers.num_parameters(peer.module))
  if "onnx" in options.who:
    try:
      networks["onnx"] = ours.onnx(tile, options.threads)
    except ImportError as error:
      result["onnx"] = f"not measured: {error}"
  assert len(set(counts)) <= 1, counts
  result["parameters"] = counts[0]

  for kind, runners, amount in (
    ("network", networks, tiles),
    ("image", whole_images, 1),
  ):
    train_suite.drop_uncompiled(runners, result)
    seconds = timing.alternate(runners, options.repeats, options.count * amount)
    seconds = {who: [amount * x for x in each] for who, each in seconds.items()}
    result[kind] = train_suite.rows(seconds, megapixels, flops)
    if machine.on_gpu():
      train_suite.add_gpu_memory(result[kind])
  return result
