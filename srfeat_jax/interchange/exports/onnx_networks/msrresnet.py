"""`models.srresnet.MSRResNet` in ONNX's operators."""

from srfeat_jax.interchange.exports import onnx_graph
from srfeat_jax.models import srresnet


def describe(
  graph: onnx_graph.Graph, generator: srresnet.MSRResNet, lr: str
) -> str:
  """Adds the network to the graph; see `onnx_networks.srfeat.describe`."""
  x = graph.leaky_relu(graph.conv(lr, "head"), 0.1)
  for i in range(generator.num_blocks):
    y = graph.op("Relu", graph.conv(x, f"blocks_{i}/conv_0"))
    x = graph.add(x, graph.conv(y, f"blocks_{i}/conv_1"))
  for stage, factor in onnx_graph.stages(generator.scale):
    x = graph.pixel_shuffle(graph.conv(x, f"{stage}/conv"), factor)
    x = graph.leaky_relu(x, 0.1)
  x = graph.leaky_relu(graph.conv(x, "hr_conv"), 0.1)
  base = graph.upscale(lr, generator.scale, "bilinear")
  return graph.add(base, graph.conv(x, "tail"))
