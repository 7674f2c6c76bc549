"""`models.srresnet.SRResNet` in ONNX's operators."""

import numpy as np

from srfeat_jax.interchange.exports import onnx_graph
from srfeat_jax.models import srresnet


def describe(
  graph: onnx_graph.Graph, generator: srresnet.SRResNet, lr: str
) -> str:
  """Adds the network to the graph; see `onnx_networks.srfeat.describe`."""
  epsilon = generator.batch_norm_epsilon
  mean, deviation = map(
    np.asarray, srresnet.INPUT_RANGES[generator.input_range]
  )
  x = graph.affine(lr, 1 / deviation, -mean / deviation)
  x = head = graph.prelu(graph.conv(x, "head"), "head_activation")
  for i in range(generator.num_blocks):
    block = f"blocks_{i}"
    y = graph.conv(x, f"{block}/conv_0")
    y = graph.batch_norm(y, f"{block}/norm_0", epsilon)
    y = graph.prelu(y, f"{block}/activation")
    y = graph.conv(y, f"{block}/conv_1")
    x = graph.add(x, graph.batch_norm(y, f"{block}/norm_1", epsilon))
  x = graph.conv(x, "trunk")
  if generator.after_trunk == "batch_norm":
    x = graph.batch_norm(x, "trunk_norm", epsilon)
  else:
    x = graph.prelu(x, "trunk_activation")
  x = graph.add(head, x)

  def activate(x: str, stage: str) -> str:
    return graph.prelu(x, f"{stage}/activation")

  return graph.to_image(
    graph.reconstruct(x, generator, activate), lr, generator
  )
