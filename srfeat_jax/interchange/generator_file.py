"""A generator from a file of ours or of another program.

Which of them it is shows in the file's content.

generator                           file
of this program                     .safetensors
RRDBNet, MSRResNet of BasicSR, ...  .pth, .safetensors, .npz
SRResNet of SRGAN, by anyone        .pth, .safetensors, .npz
SRFeat of its authors               .npz
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from srfeat_jax import errors, models
from srfeat_jax.interchange import mismatch
from srfeat_jax.interchange.containers import (
  pickles,
  safetensors_file,
  state_file,
)
from srfeat_jax.interchange.layouts import (
  basicsr,
  srfeat,
  srresnet,
  value_range,
)

_LONGEST = 2000  # characters of an error message


@dataclasses.dataclass(frozen=True)
class Generator:
  """What was read from a file.

  Attributes:
    kind: what the file was, in words.
    config: what `models.build` takes, with every field.
    variables: "params" and, with BatchNorm, "batch_stats", in float32.
    warning: what could not be found out and was assumed, or "".
  """

  kind: str
  config: dict[str, Any]
  variables: dict[str, Any]
  warning: str = ""


def load(
  path: str | pathlib.Path,
  input_range: str | None = None,
  output_range: str | None = None,
  *,
  known: bool = False,
) -> Generator:
  """Reads a generator of any of the kinds above.

  Args:
    path: the file.
    input_range: one of `value_range.INPUTS`, for an SRResNet of another
      program; None finds it out.
    output_range: one of `value_range.OUTPUTS`, likewise.
    known: whether the file is one of ours, as its hash has shown: then its
      arrays need not be compared with the network, which takes time to trace.

  Raises:
    errors.InputError: there is no such file, it is damaged or hostile, or it
      holds no generator that this program knows; arrays that are missing,
      unexpected, misshapen or not finite are listed by name.
  """
  path = pathlib.Path(path)
  try:
    read = _load(path, input_range, output_range, known)
    variables = jax.tree.map(
      lambda x: np.asarray(x, np.float32), read.variables
    )
    return dataclasses.replace(read, variables=variables)
  except errors.InputError as error:
    # A file may have put anything into the message.
    lines = " ".join(str(error).split())
    shown = "".join(c if c.isprintable() else "?" for c in lines)
    raise errors.InputError(shown[:_LONGEST]) from error
  except MemoryError as error:
    raise errors.InputError(
      f"{path} cannot be read: it needs more memory than there is"
    ) from error


def check_finite(path: str | pathlib.Path, variables: Mapping) -> None:
  """Checks that all weights are finite: otherwise images would be black.

  Args:
    path: where the weights are from, for the message.
    variables: arrays by name, in dicts nested to any depth.

  Raises:
    errors.InputError: some are NaN or infinite; they are listed by name.
  """
  arrays = traverse_util.flatten_dict(variables, sep="/")
  bad = [name for name, x in arrays.items() if not np.isfinite(x).all()]
  if bad:
    raise errors.InputError(
      f"{path} holds NaN or infinity in {mismatch.listed(bad)}: it is damaged,"
      " or the training that made it diverged"
    )


def complete(generator: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a config with every field, to compare with those of runs."""
  module = models.build(generator)
  return {"architecture": generator["architecture"]} | {
    name: getattr(module, name) for name in models.fields_of(module)
  }


def _load(path, input_range, output_range, known) -> Generator:
  if not path.is_file():
    raise errors.InputError(f"there is no weights file {path}")
  if safetensors_file.is_ours(path):
    config, variables = safetensors_file.load(path)
    if not known:
      _check(path, config, variables)
    check_finite(path, variables)
    return Generator("srfeat_jax", config, variables)
  state = state_file.load(path)
  if state.objects:
    fields, variables = srfeat.convert(path, state.objects)
    check_finite(path, variables)
    return _made("SRFeat of its authors", fields, variables)
  check_finite(path, state.arrays)
  if found := basicsr.convert(path, state.arrays):
    program, fields, params = found
    kind = f"{fields['architecture']} as {program} names it"
    return _made(kind, fields, {"params": params})
  if found := srresnet.convert(path, state.arrays, ordered=state.ordered):
    return _srresnet(path, *found, input_range, output_range)
  raise errors.InputError(
    f"{path} holds no generator that this program knows (RRDBNet, MSRResNet,"
    f" SRResNet, SRFeat); its {len(state.arrays)} arrays are"
    f" {mismatch.listed(list(state.arrays))}"
  )


def _made(kind: str, fields: Mapping, variables: dict) -> Generator:
  return Generator(kind, complete(fields), variables)


def _srresnet(path, fields, variables, input_range, output_range) -> Generator:
  found = value_range.find(fields, variables, input_range, output_range)
  made = _made("SRResNet", *value_range.applied(found, fields, variables))
  ranges = f"{found.input_range} input and {found.output_range} output"
  if found.sure:
    return dataclasses.replace(made, kind=f"SRResNet, {ranges}")
  return dataclasses.replace(
    made,
    warning=(
      f"the value ranges of the network in {path} could not be found out by"
      f" upscaling a test image, and {ranges} are assumed; if images come out"
      " wrong, import it with --input_range and --output_range"
    ),
  )


def _check(path: pathlib.Path, config: Any, variables: dict) -> None:
  """Checks that the arrays are those of the generator that is described."""
  arrays = traverse_util.flatten_dict(variables, sep="/")
  sizes = [n for array in arrays.values() for n in array.shape]
  if not isinstance(config, dict):
    raise errors.InputError(f"{path} describes its generator as {config!r}")
  for name, value in config.items():
    # This comes before the network is built, since a false number may be huge.
    # `num_...` counts layers, which have arrays; others are sizes of arrays.
    most = len(arrays) if name.startswith("num_") else max(sizes, default=0)
    if isinstance(value, int) and value > most:
      raise errors.InputError(
        f"{path} says of its generator that"
        f" {pickles.printable(f'{name} is {value}')}, and its arrays are too"
        " few or too small for that"
      )
  wanted = models.shapes(models.build(config))
  problems = mismatch.describe(
    {name: np.shape(array) for name, array in arrays.items()},
    {
      name: x.shape
      for name, x in traverse_util.flatten_dict(wanted, sep="/").items()
    },
  )
  if problems:
    raise errors.InputError(
      f"{path} does not hold the weights of the generator it describes,"
      f" {json.dumps(config)}: {problems}"
    )
  mismatch.check_floating_point(path, arrays)
