"""The value ranges of a network's input and output, found out by trying.

Weights do not say whether a network takes images in [0, 1], in [-1, 1] or
normalized, nor what it returns. But with the right ranges only, an upscaled
image that is downscaled again equals the image that was upscaled.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from srfeat_jax import models
from srfeat_jax.data import synthetic
from srfeat_jax.models import srresnet
from srfeat_jax.ops import pixels, quality, resize

INPUTS = tuple(srresnet.INPUT_RANGES)
# What a network returns: [-1, 1], the same before a tanh that weights do not
# show, [0, 1], or the same before a sigmoid.
OUTPUTS = ("symmetric", "tanh", "unit", "sigmoid")
_LEAD = 2.0  # dB that the best must be above all others
_LEAST = 22.0  # dB that the best must reach
_SIZE = 192  # pixels a side of the test image


@dataclasses.dataclass(frozen=True)
class Found:
  """A network's ranges.

  Attributes:
    input_range: one of `INPUTS`.
    output_range: one of `OUTPUTS`.
    sure: whether the scores leave no doubt.
  """

  input_range: str
  output_range: str
  sure: bool


def find(
  generator: Mapping[str, Any],
  variables: Mapping[str, Any],
  input_range: str | None = None,
  output_range: str | None = None,
) -> Found:
  """Finds the ranges of an SRResNet.

  Args:
    generator: its config, of which `input_range`, `tanh` and `residual_base`
      do not count.
    variables: its weights as they were saved.
    input_range: one of `INPUTS`, if it is known.
    output_range: one of `OUTPUTS`, if it is known.

  Returns:
    The ranges that reproduce a test image best; in case of doubt those of the
    paper, from [0, 1] to [-1, 1], or with a PReLU after the trunk, as in
    leftthomas/SRGAN, those of that code, with a tanh.
  """
  if input_range and output_range:
    return Found(input_range, output_range, sure=True)
  scale = generator["scale"]
  hr = pixels.to_float(synthetic.scene(3, _SIZE))
  lr = np.clip(resize.resize(hr, 1 / scale), 0, 1)[None]
  scores = {}
  plain = {"tanh": False, "residual_base": "none"}
  for entering in [input_range] if input_range else INPUTS:
    module = models.build({**generator, **plain, "input_range": entering})
    raw = 2 * np.asarray(jax.jit(module.apply)(variables, lr)[0]) - 1
    for leaving in [output_range] if output_range else OUTPUTS:
      sr = np.clip(_to_unit(raw, leaving), 0, 1)
      again = resize.resize(sr, 1 / scale)
      scores[entering, leaving] = quality.psnr(
        255 * again, 255 * lr[0], border=4
      )
  best, *others = sorted(scores, key=scores.__getitem__, reverse=True)
  second = max((scores[each] for each in others), default=-np.inf)
  # A network whose numbers are not finite has no score: it is never sure.
  if scores[best] >= _LEAST and scores[best] - second >= _LEAD:
    return Found(*best, sure=True)
  # What follows the trunk tells apart whose layout it is, see `srresnet`.
  usual = "tanh" if generator.get("after_trunk") == "prelu" else "symmetric"
  return Found(input_range or "unit", output_range or usual, sure=False)


def applied(
  found: Found, generator: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
  """Adapts a network to the range of our module, which returns (y + 1) / 2.

  Returns:
    The config and the variables, of which the last convolution is changed.
  """
  generator = dict(generator) | {
    "input_range": found.input_range,
    "tanh": found.output_range in ("tanh", "sigmoid"),
  }
  # In [0, 1], y = (y' + 1) / 2 with y' = 2 y - 1; of a sigmoid, y' is
  # tanh(y / 2). Factors of two are exact.
  factor, shift = {"unit": (2, 1), "sigmoid": (0.5, 0)}.get(
    found.output_range, (1, 0)
  )
  tail = variables["params"]["tail"]
  tail = {
    "kernel": np.float32(factor) * tail["kernel"],
    "bias": np.float32(factor) * tail["bias"] - np.float32(shift),
  }
  params = {**variables["params"], "tail": tail}
  return generator, {**variables, "params": params}


def _to_unit(raw: np.ndarray, output_range: str) -> np.ndarray:
  """Maps what a network returns to [0, 1]."""
  match output_range:
    case "symmetric":
      return (raw + 1) / 2
    case "tanh":
      return (np.tanh(raw) + 1) / 2
    case "unit":
      return raw
    case _:
      return (np.tanh(raw / 2) + 1) / 2  # the sigmoid, without overflow
