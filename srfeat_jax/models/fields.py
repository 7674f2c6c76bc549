"""What a network's fields may be, declared in their types.

  features: fields.Count = 64
  residual_scale: fields.Fraction = 0.2
  initializer: Literal["normal", "uniform"] = "normal"
  tanh: bool = False

A field of a network that a config can build has one of these types: `bool`, a
`Literal`, or a number with its `Range`, such as those below.
"""

import dataclasses
import typing
from typing import Annotated, Any, Literal


@dataclasses.dataclass(frozen=True)
class Range:
  """Numbers above `low`, up to and including `high`."""

  low: float
  high: float
  words: str

  def __contains__(self, number: float) -> bool:
    return self.low < number <= self.high


Count = Annotated[int, Range(0, float("inf"), "a whole number above 0")]
Fraction = Annotated[float, Range(0, 1, "a number above 0 and up to 1")]

Scale = Literal[1, 2, 3, 4, 8]
ResidualBase = Literal["none", "bilinear", "bicubic"]
Dtype = Literal["float32", "bfloat16"]
# How a generator upscales: "shuffle", a convolution and a pixel shuffle for
# each factor of 2 or 3, then a convolution; "direct", one 3x3 convolution to
# the pixels themselves and one pixel shuffle; "nearest", pixels repeated and a
# convolution for each factor, then a convolution.
Upsampler = Literal["shuffle", "direct", "nearest"]


def expected(value: Any, declared: Any) -> str:
  """What a field takes, in words, if the value is not that; else "".

  Args:
    value: of the field. Its type has to be exact: True is not 1, nor 4.0 a 4.
    declared: the field's type, as above.

  Raises:
    TypeError: the type does not say what is legal.
  """
  if declared is bool:
    return "" if isinstance(value, bool) else "True or False"
  origin, arguments = typing.get_origin(declared), typing.get_args(declared)
  if origin is Literal:
    kinds = {type(choice) for choice in arguments}
    valid = type(value) in kinds and value in arguments
    return "" if valid else f"one of {', '.join(map(str, arguments))}"
  if origin is Annotated and isinstance(arguments[1], Range):
    kind, limits = arguments
    valid = type(value) is kind and value in limits
    return "" if valid else limits.words
  raise TypeError(f"a field declared {declared} does not say what is legal")
