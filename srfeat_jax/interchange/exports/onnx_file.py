"""A generator as an ONNX graph, for any image size.

  input "lr":  float32 [batch, 3, height, width], RGB in [0, 1]
  output "sr": float32 [batch, 3, scale * height, scale * width], not clipped

Each network is written down once more, in ONNX's operators (opset 17), and in
float32 whatever it was trained in: `onnx_networks`. A converter of JAX's
programs could not be used: jax2onnx 0.17 wants an older orbax-checkpoint than
training does here, and a dozen operators are enough.
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from srfeat_jax import atomic, errors, models
from srfeat_jax.interchange.exports import onnx_graph
from srfeat_jax.interchange.exports.onnx_networks import (
  msrresnet,
  rrdbnet,
  srfeat,
  srresnet,
)

_OPSET = 17
_IR_VERSION = 8  # what goes with that opset, and is read by old programs too
# By architecture; one that is missing here cannot be exported to ONNX.
NETWORKS: Mapping[str, Callable[..., str]] = {
  "srfeat": srfeat.describe,
  "srresnet": srresnet.describe,
  "msrresnet": msrresnet.describe,
  "rrdbnet": rrdbnet.describe,
}


def save(
  path: pathlib.Path, generator: Mapping[str, Any], variables: Mapping
) -> None:
  """Writes the graph, whole or not at all, the config in its metadata.

  Args:
    path: the file to write; replaced if it exists.
    generator: the config that `models.build` takes, complete.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: onnx is missing, there is no ONNX description of the
      architecture, or the file cannot be written.
  """
  architecture = generator["architecture"]
  if architecture not in NETWORKS:
    raise errors.InputError(
      f"{architecture} cannot be exported to ONNX, only"
      f" {', '.join(NETWORKS)}: choose --format=stablehlo"
    )
  try:
    import onnx  # Nothing else needs it.
  except ImportError as error:
    raise errors.InputError(
      "ONNX needs the package onnx: run launch/install.sh onnx, or pip install"
      ' "onnx>=1.17,<2"'
    ) from error
  module = models.build(generator)
  graph = onnx_graph.Graph(onnx, variables)
  graph.op("Identity", NETWORKS[architecture](graph, module, "lr"), name="sr")
  sizes: list[list[str | int]] = [
    ["batch", 3, f"{prefix}height", f"{prefix}width"]
    for prefix in ("", f"{module.scale} * ")
  ]
  lr, sr = (
    onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size)
    for name, size in zip(("lr", "sr"), sizes, strict=True)
  )
  model = onnx.helper.make_model(
    onnx.helper.make_graph(
      graph.nodes, architecture, [lr], [sr], graph.constants
    ),
    opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    ir_version=_IR_VERSION,
    producer_name="srfeat_jax",
  )
  onnx.helper.set_model_props(model, {"generator": json.dumps(dict(generator))})
  onnx.checker.check_model(model)
  atomic.replace(path, model.SerializeToString())
