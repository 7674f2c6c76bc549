"""`models.rrdbnet.RRDBNet` in ONNX's operators."""

import numpy as np

from srfeat_jax.interchange.exports import onnx_graph
from srfeat_jax.models import rrdbnet


def describe(
  graph: onnx_graph.Graph, generator: rrdbnet.RRDBNet, lr: str
) -> str:
  """Adds the network to the graph; see `onnx_networks.srfeat.describe`."""
  unshuffle = generator.unshuffle
  x, kernel = lr, None
  if unshuffle > 1:
    x = _pixel_unshuffle(graph, lr, unshuffle)
    # Its channels are (row, column, channel), torch's (channel, row, column).
    kernel = np.asarray(graph.arrays("params", "head")["kernel"])
    grouped = kernel.reshape(*kernel.shape[:2], 3, unshuffle**2, -1)
    kernel = grouped.swapaxes(2, 3).reshape(kernel.shape)
  x = head = graph.conv(x, "head", kernel)
  for i in range(generator.num_blocks):
    x = _residual_in_residual(graph, x, f"blocks_{i}", generator.residual_scale)
  x = graph.add(head, graph.conv(x, "trunk"))
  for stage, factor in onnx_graph.stages(generator.scale * unshuffle):
    x = graph.conv(graph.nearest(x, factor), stage)
    x = graph.leaky_relu(x, 0.2)
  x = graph.leaky_relu(graph.conv(x, "hr_conv"), 0.2)
  y = graph.conv(x, "tail")
  for axis in (2, 3) if unshuffle > 1 else ():
    length = graph.multiply(graph.length(lr, axis), generator.scale)
    y = graph.crop(y, axis, 0, length)
  return y


def _pixel_unshuffle(graph: onnx_graph.Graph, lr: str, factor: int) -> str:
  """Mirrors up to multiples of the factor, then moves pixels to channels."""
  x = lr
  for axis in (2, 3):
    length = graph.length(lr, axis)
    more = graph.op("Add", length, graph.integers(factor - 1))
    squares = graph.op("Div", more, graph.integers(factor))
    x = graph.mirror(x, axis, 0, graph.multiply(squares, factor))
  return graph.op("SpaceToDepth", x, blocksize=factor)


def _residual_in_residual(
  graph: onnx_graph.Graph, x: str, block: str, residual_scale: float
) -> str:
  y = x
  for j in range(3):
    maps = [y]
    for k in range(4):
      entering = graph.op("Concat", *maps, axis=1) if k else y
      conv = graph.conv(entering, f"{block}/dense_{j}/conv_{k}")
      maps.append(graph.leaky_relu(conv, 0.2))
    last = graph.op("Concat", *maps, axis=1)
    last = graph.conv(last, f"{block}/dense_{j}/conv_4")
    y = graph.add(y, graph.affine(last, residual_scale))
  return graph.add(x, graph.affine(y, residual_scale))
