"""An ONNX graph while it is written: the operators that generators need.

Values go by their names, arrays are laid out [batch, channel, row, column],
and everything is float32.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from flax import linen as nn

from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import layers


class Graph:
  """Nodes and constants in the order in which they are added.

  Attributes:
    nodes: the operators.
    constants: the weights, and the numbers that operators take.
  """

  def __init__(self, onnx, variables: Mapping):
    """Starts an empty graph.

    Args:
      onnx: the package, which is imported only where it is needed.
      variables: "params" and, with BatchNorm, "batch_stats".
    """
    self._onnx = onnx
    self._variables = variables
    self.nodes = []
    self.constants = []

  def op(self, kind: str, *inputs: str, name: str = "", **attributes) -> str:
    """Adds an operator and returns its output."""
    name = name or f"{kind}_{len(self.nodes)}"
    node = self._onnx.helper.make_node(
      kind, inputs, [name], name=name, **attributes
    )
    self.nodes.append(node)
    return name

  def constant(self, value, dtype=np.float32) -> str:
    """Adds an array."""
    name = f"constant_{len(self.constants)}"
    array = np.ascontiguousarray(value, dtype)
    self.constants.append(self._onnx.numpy_helper.from_array(array, name))
    return name

  def arrays(self, collection: str, layer: str) -> dict[str, np.ndarray]:
    """Returns the variables of a layer, such as "blocks_0/conv_1"."""
    found = self._variables[collection]
    for part in layer.split("/"):
      found = found[part]
    return found

  def conv(self, x: str, layer: str, kernel=None, padding=None) -> str:
    """A convolution.

    Args:
      x: its input.
      layer: the layer whose weights it has.
      kernel: HWIO, instead of the layer's.
      padding: zeros on each side; by default as many as keep the size.
    """
    arrays = self.arrays("params", layer)
    if kernel is None:
      kernel = np.asarray(arrays["kernel"])
    inputs = [self.constant(torch_layout.weight(kernel))]
    if "bias" in arrays:
      inputs.append(self.constant(arrays["bias"]))
    if padding is None:
      padding = kernel.shape[0] // 2
    return self.op("Conv", x, *inputs, pads=[padding] * 4)

  def blurred_conv(self, x: str, layer: str) -> str:
    """A convolution of x blurred by [1, 2, 1] / 4 along both axes."""
    kernel = np.asarray(self.arrays("params", layer)["kernel"])
    size, _, channels, _ = kernel.shape
    line = np.array([1, 2, 1]) / 4
    blur = np.tile(np.outer(line, line), (channels, 1, 1, 1))
    x = self.op(
      *("Conv", x, self.constant(blur)),
      group=channels,
      pads=[size // 2 + 1] * 4,
    )
    return self.conv(x, layer, padding=0)

  def batch_norm(self, x: str, layer: str, epsilon: float) -> str:
    """Batch normalization by the averages of training."""
    params, statistics = (
      self.arrays(collection, layer) for collection in ("params", "batch_stats")
    )
    arrays = (
      *(params["scale"], params["bias"]),
      *(statistics["mean"], statistics["var"]),
    )
    inputs = [self.constant(each) for each in arrays]
    return self.op("BatchNormalization", x, *inputs, epsilon=epsilon)

  def prelu(self, x: str, layer: str) -> str:
    """A PReLU with one slope, or with one for each channel."""
    slope = np.asarray(self.arrays("params", layer)["slope"])
    return self.op("PRelu", x, self.constant(slope.reshape(-1, 1, 1)))

  def leaky_relu(self, x: str, slope: float) -> str:
    """x where it is positive, elsewhere slope * x."""
    return self.op("LeakyRelu", x, alpha=slope)

  def add(self, x: str, y: str) -> str:
    """x + y."""
    return self.op("Add", x, y)

  def affine(self, x: str, factor, shift=0.0) -> str:
    """factor * x + shift: numbers, or one for each channel."""
    for kind, value, neutral in (("Mul", factor, 1), ("Add", shift, 0)):
      value = np.asarray(value, np.float32)
      if np.any(value != neutral):
        shape = (-1, 1, 1) if value.ndim else ()
        x = self.op(kind, x, self.constant(value.reshape(shape)))
    return x

  def pixel_shuffle(self, x: str, factor: int = 2) -> str:
    """Moves channels (row, column, channel) into squares of that many pixels.

    Args:
      x: its input, [b, factor**2 * c, h, w].
      factor: side of the squares.
    """
    return self.op("DepthToSpace", x, blocksize=factor, mode="DCR")

  def nearest(self, x: str, factor: int = 2) -> str:
    """Upscales by a whole factor: every pixel becomes a square."""
    scales = self.constant([1, 1, factor, factor])
    return self.op(
      *("Resize", x, "", scales),
      mode="nearest",
      coordinate_transformation_mode="asymmetric",
      nearest_mode="floor",
    )

  def length(self, x: str, axis: int) -> str:
    """The length of an axis, as an array of one integer."""
    return self.op("Shape", x, start=axis, end=axis + 1)

  def integers(self, *values: int) -> str:
    """An array of integers."""
    return self.constant(values, np.int64)

  def multiply(self, length: str, factor: int) -> str:
    """An array of integers times a number."""
    return self.op("Mul", length, self.integers(factor))

  def mirror(self, x: str, axis: int, before: int, end: str) -> str:
    """Takes positions -before to end of an axis, mirrored beyond its ends."""
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

  def crop(self, x: str, axis: int, start: int, length: str) -> str:
    """Takes that many positions of an axis from `start` on."""
    begin = self.integers(start)
    end = self.op("Add", begin, length)
    return self.op("Slice", x, begin, end, self.integers(axis))

  def upscale(self, lr: str, scale: int, kernel: str) -> str:
    """Upscales as MATLAB's imresize does: a = -0.5, edges mirrored.

    Args:
      lr: the image.
      scale: scale factor.
      kernel: "bilinear" or "bicubic".
    """
    border, x = 2, lr
    for axis in (2, 3):
      end = self.op("Add", self.length(lr, axis), self.integers(border))
      x = self.mirror(x, axis, border, end)
    modes = {"bilinear": "linear", "bicubic": "cubic"}
    x = self.op(
      *("Resize", x, "", self.constant([1, 1, scale, scale])),
      mode=modes[kernel],
      coordinate_transformation_mode="half_pixel",
      cubic_coeff_a=-0.5,
    )
    for axis in (2, 3):
      length = self.multiply(self.length(lr, axis), scale)
      x = self.crop(x, axis, border * scale, length)
    return x

  def reconstruct(
    self, x: str, generator: nn.Module, activate: Callable[[str, str], str]
  ) -> str:
    """What SRFeat and SRResNet do after the trunk, up to the last convolution.

    Args:
      x: the trunk's feature map.
      generator: either network.
      activate: adds the activation of a stage of that name, and returns it.
    """
    if generator.upsampler == "direct":
      y = self.conv(x, "tail")
      return (
        self.pixel_shuffle(y, generator.scale) if generator.scale > 1 else y
      )
    # Convolutions after a pixel shuffle blur first, if the config says so.
    conv = after_shuffle = self.conv
    if generator.blur_after_shuffle and generator.upsampler == "shuffle":
      after_shuffle = self.blurred_conv
    for stage, factor in stages(generator.scale):
      if generator.upsampler == "nearest":
        x = self.conv(self.nearest(x, factor), f"{stage}/conv")
      else:
        x = self.pixel_shuffle(conv(x, f"{stage}/conv"), factor)
      conv = after_shuffle
      x = activate(x, stage)
    return conv(x, "tail")

  def to_image(self, y: str, lr: str, generator: nn.Module) -> str:
    """Does what `models.layers.symmetric_to_image` does in the generator."""
    if generator.tanh:
      y = self.op("Tanh", y)
    if generator.residual_base == "none":
      return self.affine(y, 0.5, 0.5)
    base = self.upscale(lr, generator.scale, generator.residual_base)
    return self.add(base, self.affine(y, 0.5))


def stages(scale: int) -> Sequence[tuple[str, int]]:
  """Returns the names and factors of the layers that make a scale."""
  factors = layers.upsample_factors(scale)
  return [(f"upsample_{i}", factor) for i, factor in enumerate(factors)]
