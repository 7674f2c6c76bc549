"""What is in a program as it is lowered for a platform, before it is compiled.

JAX lowers for platforms that a machine lacks. What it writes, StableHLO, shows
in which formats a program computes, what it calls outside of itself, and which
of its arguments it may overwrite. Which kernels a compiler makes of it, it does
not show.
"""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import jax

# Annotations for XLA, in the form of calls.
_ANNOTATIONS = ("Sharding", "SPMDFullToShardShape", "SPMDShardToFullShape")
# What hands arrays to Python on the host, or to it from there.
_TO_HOST = re.compile(r"callback|infeed|outfeed|\bsend\b|\brecv\b")
_DONATED = ("tf.aliasing_output", "jax.buffer_donor")
# How JAX writes convolutions of NHWC, and the gradients to the input (whose
# kernel has inputs and outputs exchanged) and to the kernel.
_LAYOUTS = {
  "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]": "forward",
  "[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]": "gradient to the input",
  "[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]": "gradient to the kernel",
}


@dataclasses.dataclass(frozen=True)
class Product:
  """A convolution or a matrix product.

  Attributes:
    kind: "convolution" or "dot_general".
    dtypes: of its two inputs, as StableHLO calls them: "bf16", "f32".
    shapes: of its two inputs.
    layout: of a convolution a value of `_LAYOUTS`, or how it is written where
      it is none of them; "" of a matrix product.
    where: the names of functions and layers that it is in.
  """

  kind: str
  dtypes: tuple[str, str]
  shapes: tuple[tuple[int, ...], tuple[int, ...]]
  layout: str
  where: str


@dataclasses.dataclass(frozen=True)
class Contents:
  """What a program consists of. What is called several times counts once.

  Attributes:
    operations: how many there are.
    products: its convolutions and matrix products.
    calls: names of what it calls outside of itself, and how often.
    to_host: operations that exchange arrays with Python on the host.
    float64: how many values are float64 or complex128.
    donated: how many of the arguments it may overwrite.
    transposed_bytes: of all transpositions of arrays of four axes or more.
  """

  operations: int
  products: Sequence[Product]
  calls: Mapping[str, int]
  to_host: Sequence[str]
  float64: int
  donated: int
  transposed_bytes: int

  def count(self, kind: str) -> dict[str, int]:
    """How many products of a kind there are, by the formats of their inputs."""
    found = Counter(
      " x ".join(dict.fromkeys(each.dtypes))
      for each in self.products
      if each.kind == kind
    )
    return dict(found.most_common())


def read(program: jax.stages.Lowered) -> Contents:
  """Looks through a lowered program."""
  module = program.compiler_ir("stablehlo")
  assert module is not None
  found = _Reader()
  found.read(module.operation)
  return Contents(
    operations=found.operations,
    products=found.products,
    calls=dict(found.calls),
    to_host=found.to_host,
    float64=found.float64,
    donated=found.donated,
    transposed_bytes=found.transposed_bytes,
  )


class _Reader:
  """Looks through operations, those within others too."""

  def __init__(self):
    self.operations = self.float64 = self.donated = self.transposed_bytes = 0
    self.products = []
    self.calls = Counter()
    self.to_host = []

  def read(self, operation) -> None:
    for region in operation.regions:
      for block in region:
        for each in block:
          self._read_one(each.operation)
          self.read(each.operation)

  def _read_one(self, operation) -> None:
    name = operation.name.removeprefix("stablehlo.")
    self.operations += 1
    self.float64 += sum("f64" in _dtype(x.type) for x in operation.results)
    if name in ("convolution", "dot_general"):
      self.products.append(_product(name, operation))
    elif name == "custom_call":
      target = operation.attributes["call_target_name"].value
      if target not in _ANNOTATIONS:
        self.calls[target] += 1
      name = target
    elif name == "transpose":
      shape = _shape(operation.results[0].type)
      if len(shape) >= 4:
        bits = _bits(_dtype(operation.results[0].type))
        self.transposed_bytes += math.prod(shape) * bits // 8
    elif name == "func.func" and "arg_attrs" in operation.attributes:
      for attributes in operation.attributes["arg_attrs"]:
        self.donated += any(key in attributes for key in _DONATED)
    if _TO_HOST.search(name):
      self.to_host.append(name)


def _product(name: str, operation) -> Product:
  types = [x.type for x in operation.operands]
  layout = ""
  if name == "convolution":
    written = str(operation.attributes["dimension_numbers"])
    written = written.removeprefix("#stablehlo.conv<").removesuffix(">")
    layout = _LAYOUTS.get(written, written)
  return Product(
    kind=name,
    dtypes=(_dtype(types[0]), _dtype(types[1])),
    shapes=(_shape(types[0]), _shape(types[1])),
    layout=layout,
    where=_where(operation),
  )


def _where(operation) -> str:
  """The first name of an operation's location, without the file."""
  names = re.findall(r'"([^"]+)"', str(operation.location))
  return names[0] if names else ""


def _array(type_) -> tuple[str, str]:
  """Sizes and dtype: "4x8" and "f32" of "tensor<4x8xf32>"; "", "" of others."""
  found = re.match(r"tensor<((?:\d+x)*)(complex<\w+>|\w+)", str(type_))
  return (found[1].removesuffix("x"), found[2]) if found else ("", "")


def _dtype(type_) -> str:
  return _array(type_)[1]


def _shape(type_) -> tuple[int, ...]:
  sizes = _array(type_)[0]
  return tuple(int(size) for size in sizes.split("x")) if sizes else ()


def _bits(dtype: str) -> int:
  parts = 2 if dtype.startswith("complex") else 1
  digits = re.search(r"\d+", dtype)
  return parts * int(digits[0]) if digits else 8
