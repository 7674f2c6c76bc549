"""What range a network's input and output have, found by trying.

Weights don't say whether images enter a network in [0, 1], in [-1, 1] or
normalised, nor what it gives; but under only one reading of it the enlarged
picture, made small again, is the picture that was enlarged.
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
# What a network gives: [-1, 1], the same before a tanh that weights don't
# show, [0, 1], or the same before a sigmoid.
OUTPUTS = ("symmetric", "tanh", "unit", "sigmoid")
_CLEAR = 2.0  # dB that the best is ahead of every other
_PICTURE = 22.0  # dB from which it is the picture
_SIZE = 192


@dataclasses.dataclass(frozen=True)
class Found:
  """A network's ranges.

  Attributes:
    input_range: one of `INPUTS`.
    output_range: one of `OUTPUTS`.
    sure: whether the picture that comes out leaves no doubt.
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
    generator: its config; `input_range`, `tanh` and `residual_base` in it are
      not looked at.
    variables: its weights as they were saved.
    input_range: of `INPUTS`, where it is known.
    output_range: of `OUTPUTS`, where it is known.

  Returns:
    What returns the picture best; if it leaves doubts, the paper's: from [0, 1]
    to [-1, 1].
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
      sr = np.clip(_picture(raw, leaving), 0, 1)
      again = resize.resize(sr, 1 / scale)
      scores[entering, leaving] = quality.psnr(
        255 * again, 255 * lr[0], border=4
      )
  best, *others = sorted(scores, key=scores.get, reverse=True)
  behind = max((scores[each] for each in others), default=-np.inf)
  # A network whose numbers are not finite has no score: it is never sure.
  if scores[best] >= _PICTURE and scores[best] - behind >= _CLEAR:
    return Found(*best, sure=True)
  return Found(input_range or "unit", output_range or "symmetric", sure=False)


def applied(
  found: Found, generator: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
  """Makes a network of the module's own range, (y + 1) / 2, of another's.

  Returns:
    The config and the variables; the last convolution holds what differs.
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


def _picture(raw: np.ndarray, output_range: str) -> np.ndarray:
  match output_range:
    case "symmetric":
      return (raw + 1) / 2
    case "tanh":
      return (np.tanh(raw) + 1) / 2
    case "unit":
      return raw
    case _:
      return (np.tanh(raw / 2) + 1) / 2  # the sigmoid, without overflow
