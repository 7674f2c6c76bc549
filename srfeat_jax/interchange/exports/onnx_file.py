"""A generator as an ONNX graph, for any image size.

  input "lr":  float32 [batch, 3, height, width], RGB in [0, 1]
  output "sr": float32 [batch, 3, scale * height, scale * width], not clipped

Each network is written down once more, in ONNX's operators (opset 17), and in
float32 whatever it was trained in. That a converter of JAX's programs does not
do it: jax2onnx 0.17 wants an older orbax-checkpoint than training here does,
and what is needed is a dozen operators.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from srfeat_jax import atomic, errors
from srfeat_jax.models import rrdbnet, srresnet

_OPSET = 17
_IR_VERSION = 8  # what goes with that opset, and is read by old programs too


def save(
  path: pathlib.Path, generator: Mapping[str, Any], variables: Mapping
) -> None:
  """Writes the graph, whole or not at all, the config in its metadata.

  Args:
    path: the file to write; replaced if it exists.
    generator: the config that `models.build` takes, complete.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: onnx is missing, or the file cannot be written.
  """
  try:
    import onnx  # Nothing else needs it.
  except ImportError as error:
    raise errors.InputError(
      "ONNX needs the package onnx: run launch/install.sh onnx, or pip install"
      ' "onnx>=1.17,<2"'
    ) from error
  graph = _Graph(onnx, variables)
  build = {
    "srfeat": _srfeat,
    "srresnet": _srresnet,
    "msrresnet": _msrresnet,
    "rrdbnet": _rrdbnet,
  }[generator["architecture"]]
  graph.op("Identity", build(graph, generator, "lr"), name="sr")
  sizes = [
    ["batch", 3, f"{prefix}height", f"{prefix}width"]
    for prefix in ("", f"{generator['scale']} * ")
  ]
  lr, sr = (
    onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size)
    for name, size in zip(("lr", "sr"), sizes, strict=True)
  )
  model = onnx.helper.make_model(
    onnx.helper.make_graph(
      graph.nodes, generator["architecture"], [lr], [sr], graph.constants
    ),
    opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    ir_version=_IR_VERSION,
    producer_name="srfeat_jax",
  )
  onnx.helper.set_model_props(model, {"generator": json.dumps(dict(generator))})
  onnx.checker.check_model(model)
  atomic.replace(path, model.SerializeToString())


class _Graph:
  """Nodes and constants as they are added; values go by their names."""

  def __init__(self, onnx, variables: Mapping):
    self._onnx = onnx
    self._variables = variables
    self.nodes = []
    self.constants = []

  def op(self, kind: str, *inputs: str, name: str = "", **attributes) -> str:
    """Adds a node and returns its output."""
    name = name or f"{kind}_{len(self.nodes)}"
    node = self._onnx.helper.make_node(
      kind, inputs, [name], name=name, **attributes
    )
    self.nodes.append(node)
    return name

  def constant(self, value, dtype=np.float32) -> str:
    name = f"constant_{len(self.constants)}"
    array = np.ascontiguousarray(value, dtype)
    self.constants.append(self._onnx.numpy_helper.from_array(array, name))
    return name

  def find(self, collection: str, place: str) -> dict[str, np.ndarray]:
    """The arrays of a layer."""
    found = self._variables[collection]
    for part in place.split("/"):
      found = found[part]
    return found

  def conv(self, x: str, place: str, weight=None, pads=None) -> str:
    """A convolution with zero padding, that keeps the size unless told."""
    arrays = self.find("params", place)
    kernel = np.asarray(arrays["kernel"]) if weight is None else weight
    inputs = [self.constant(kernel.transpose(3, 2, 0, 1))]
    if "bias" in arrays:
      inputs.append(self.constant(arrays["bias"]))
    pads = kernel.shape[0] // 2 if pads is None else pads
    return self.op("Conv", x, *inputs, pads=[pads] * 4)

  def blurred_conv(self, x: str, place: str) -> str:
    """A convolution of what [1, 2, 1] / 4 along both axes makes of x."""
    kernel = np.asarray(self.find("params", place)["kernel"])
    size, _, channels, _ = kernel.shape
    line = np.array([1, 2, 1]) / 4
    blur = np.tile(np.outer(line, line), (channels, 1, 1, 1))
    x = self.op(
      *("Conv", x, self.constant(blur)),
      group=channels,
      pads=[size // 2 + 1] * 4,
    )
    return self.conv(x, place, pads=0)

  def norm(self, x: str, place: str, epsilon: float) -> str:
    params, statistics = (
      self.find(collection, place) for collection in ("params", "batch_stats")
    )
    arrays = (
      *(params["scale"], params["bias"]),
      *(statistics["mean"], statistics["var"]),
    )
    inputs = [self.constant(each) for each in arrays]
    return self.op("BatchNormalization", x, *inputs, epsilon=epsilon)

  def prelu(self, x: str, place: str) -> str:
    slope = np.asarray(self.find("params", place)["slope"])
    return self.op("PRelu", x, self.constant(slope.reshape(-1, 1, 1)))

  def leaky(self, x: str, slope: float) -> str:
    return self.op("LeakyRelu", x, alpha=slope)

  def plus(self, x: str, y: str) -> str:
    return self.op("Add", x, y)

  def affine(self, x: str, factor, shift=0.0) -> str:
    """x * factor + shift, numbers or one a channel."""
    for kind, value, neutral in (("Mul", factor, 1), ("Add", shift, 0)):
      value = np.asarray(value, np.float32)
      if np.any(value != neutral):
        shape = (-1, 1, 1) if value.ndim else ()
        x = self.op(kind, x, self.constant(value.reshape(shape)))
    return x

  def shuffle(self, x: str) -> str:
    return self.op("DepthToSpace", x, blocksize=2, mode="DCR")

  def doubled(self, x: str) -> str:
    """Every pixel four times."""
    scales = self.constant([1, 1, 2, 2])
    return self.op(
      *("Resize", x, "", scales),
      mode="nearest",
      coordinate_transformation_mode="asymmetric",
      nearest_mode="floor",
    )

  def length(self, x: str, axis: int) -> str:
    return self.op("Shape", x, start=axis, end=axis + 1)

  def integers(self, *values: int) -> str:
    return self.constant(values, np.int64)

  def mirrored(self, x: str, axis: int, before: int, end: str) -> str:
    """Takes the places from -before to end of an axis, mirrored beyond it."""
    length = self.length(x, axis)
    period = self.op("Add", length, length)
    zero = self.integers(0)
    end = self.op("Squeeze", end, zero)
    start = self.constant(-before, np.int64)
    i = self.op("Range", start, end, self.constant(1, np.int64))
    i = self.op("Mod", i, period)
    last = self.op("Sub", period, self.integers(1))
    i = self.op("Min", i, self.op("Sub", last, i))
    return self.op("Gather", x, i, axis=axis)

  def cut(self, x: str, axis: int, start: int, length: str) -> str:
    begin = self.integers(start)
    end = self.op("Add", begin, length)
    return self.op("Slice", x, begin, end, self.integers(axis))

  def times(self, length: str, factor: int) -> str:
    return self.op("Mul", length, self.integers(factor))

  def enlarged(self, lr: str, scale: int, kernel: str) -> str:
    """MATLAB's imresize: bicubic with a = -0.5, edges mirrored."""
    border, x = 2, lr
    for axis in (2, 3):
      end = self.op("Add", self.length(lr, axis), self.integers(border))
      x = self.mirrored(x, axis, border, end)
    modes = {"bilinear": "linear", "bicubic": "cubic"}
    x = self.op(
      *("Resize", x, "", self.constant([1, 1, scale, scale])),
      mode=modes[kernel],
      coordinate_transformation_mode="half_pixel",
      cubic_coeff_a=-0.5,
    )
    for axis in (2, 3):
      length = self.times(self.length(lr, axis), scale)
      x = self.cut(x, axis, border * scale, length)
    return x

  def image(self, y: str, lr: str, config: Mapping) -> str:
    """See `layers.symmetric_to_image`."""
    if config["tanh"]:
      y = self.op("Tanh", y)
    if config["residual_base"] == "none":
      return self.affine(y, 0.5, 0.5)
    base = self.enlarged(lr, config["scale"], config["residual_base"])
    return self.plus(base, self.affine(y, 0.5))


def _stages(config: Mapping) -> Sequence[str]:
  doublings = config["scale"].bit_length() - 1
  return [f"upsample_{i}" for i in range(doublings)]


def _srfeat(graph: _Graph, config: Mapping, lr: str) -> str:
  x = graph.conv(graph.affine(lr, 2, -1), "head")
  skips = []
  for i in range(config["num_blocks"]):
    y = x
    for j in range(2):
      y = graph.conv(y, f"blocks_{i}/conv_{j}")
      if config["batch_norm"]:
        y = graph.norm(y, f"blocks_{i}/norm_{j}", 1e-5)
      y = graph.leaky(y, 0.2) if j == 0 else y
    x = graph.plus(x, y)
    if i < config["num_blocks"] - 1:
      skips.append(graph.conv(x, f"skips_{i}"))
  for skip in skips:
    x = graph.plus(x, skip)
  # What follows a shuffle blurs first, if that was asked for.
  blurs = config["blur_after_shuffle"]
  shuffled_conv = graph.blurred_conv if blurs else graph.conv
  for i, stage in enumerate(_stages(config)):
    conv = shuffled_conv if i else graph.conv
    x = graph.shuffle(conv(x, f"{stage}/conv"))
    if config["activation_after_shuffle"]:
      x = graph.leaky(x, 0.2)
  return graph.image(shuffled_conv(x, "tail"), lr, config)


def _srresnet(graph: _Graph, config: Mapping, lr: str) -> str:
  epsilon = config["batch_norm_epsilon"]
  mean, deviation = map(
    np.asarray, srresnet.INPUT_RANGES[config["input_range"]]
  )
  x = graph.affine(lr, 1 / deviation, -mean / deviation)
  x = head = graph.prelu(graph.conv(x, "head"), "head_activation")
  for i in range(config["num_blocks"]):
    block = f"blocks_{i}"
    y = graph.conv(x, f"{block}/conv_0")
    y = graph.norm(y, f"{block}/norm_0", epsilon)
    y = graph.prelu(y, f"{block}/activation")
    y = graph.conv(y, f"{block}/conv_1")
    x = graph.plus(x, graph.norm(y, f"{block}/norm_1", epsilon))
  x = graph.norm(graph.conv(x, "trunk"), "trunk_norm", epsilon)
  x = graph.plus(head, x)
  for stage in _stages(config):
    x = graph.shuffle(graph.conv(x, f"{stage}/conv"))
    x = graph.prelu(x, f"{stage}/activation")
  return graph.image(graph.conv(x, "tail"), lr, config)


def _msrresnet(graph: _Graph, config: Mapping, lr: str) -> str:
  x = graph.leaky(graph.conv(lr, "head"), 0.1)
  for i in range(config["num_blocks"]):
    y = graph.op("Relu", graph.conv(x, f"blocks_{i}/conv_0"))
    x = graph.plus(x, graph.conv(y, f"blocks_{i}/conv_1"))
  for stage in _stages(config):
    x = graph.leaky(graph.shuffle(graph.conv(x, f"{stage}/conv")), 0.1)
  x = graph.leaky(graph.conv(x, "hr_conv"), 0.1)
  base = graph.enlarged(lr, config["scale"], "bilinear")
  return graph.plus(base, graph.conv(x, "tail"))


def _rrdbnet(graph: _Graph, config: Mapping, lr: str) -> str:
  fold = rrdbnet.RRDBNet(scale=config["scale"]).unshuffle
  beta = config["residual_scale"]
  x, kernel = lr, None
  if fold > 1:
    for axis in (2, 3):
      length = graph.length(lr, axis)
      more = graph.op("Add", length, graph.integers(fold - 1))
      folded = graph.op("Div", more, graph.integers(fold))
      x = graph.mirrored(x, axis, 0, graph.times(folded, fold))
    x = graph.op("SpaceToDepth", x, blocksize=fold)
    # Its channels are (row, column, channel), torch's (channel, row, column).
    kernel = np.asarray(graph.find("params", "head")["kernel"])
    grouped = kernel.reshape(*kernel.shape[:2], 3, fold**2, -1)
    kernel = grouped.swapaxes(2, 3).reshape(kernel.shape)
  x = head = graph.conv(x, "head", kernel)
  for i in range(config["num_blocks"]):
    y = x
    for j in range(3):
      maps = [y]
      for k in range(4):
        entering = graph.op("Concat", *maps, axis=1) if k else y
        place = f"blocks_{i}/dense_{j}/conv_{k}"
        maps.append(graph.leaky(graph.conv(entering, place), 0.2))
      last = graph.op("Concat", *maps, axis=1)
      last = graph.conv(last, f"blocks_{i}/dense_{j}/conv_4")
      y = graph.plus(y, graph.affine(last, beta))
    x = graph.plus(x, graph.affine(y, beta))
  x = graph.plus(head, graph.conv(x, "trunk"))
  for i in range(2):
    x = graph.leaky(graph.conv(graph.doubled(x), f"upsample_{i}"), 0.2)
  x = graph.leaky(graph.conv(x, "hr_conv"), 0.2)
  y = graph.conv(x, "tail")
  for axis in (2, 3) if fold > 1 else ():
    length = graph.times(graph.length(lr, axis), config["scale"])
    y = graph.cut(y, axis, 0, length)
  return y
