"""`models.srfeat.SRFeat` in ONNX's operators."""

from srfeat_jax.interchange.exports import onnx_graph
from srfeat_jax.models import srfeat


def describe(graph: onnx_graph.Graph, generator: srfeat.SRFeat, lr: str) -> str:
  """Adds the network to the graph.

  Args:
    graph: the graph, which has the network's variables.
    generator: the network, whose fields are read.
    lr: the name of its input, [batch, 3, height, width] in [0, 1].

  Returns:
    The name of its output.
  """
  x = graph.conv(graph.affine(lr, 2, -1), "head")
  skips = []
  for i in range(generator.num_blocks):
    y = x
    for j in range(2):
      y = graph.conv(y, f"blocks_{i}/conv_{j}")
      if generator.batch_norm:
        y = graph.batch_norm(y, f"blocks_{i}/norm_{j}", 1e-5)
      y = graph.leaky_relu(y, 0.2) if j == 0 else y
    x = graph.add(x, y)
    if i < generator.num_blocks - 1:
      skips.append(graph.conv(x, f"skips_{i}"))
  for skip in skips:
    x = graph.add(x, skip)

  def activate(x: str, stage: str) -> str:
    del stage
    if not generator.activation_after_shuffle:
      return x
    return graph.leaky_relu(x, 0.2)

  return graph.to_image(
    graph.reconstruct(x, generator, activate), lr, generator
  )
