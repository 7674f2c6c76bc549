"""What `evaluate --save_images` wrote: the images that results.json names."""

import dataclasses
import json
import pathlib
from typing import Any

from srfeat_jax import errors
from srfeat_jax.evaluation import saved_images

_FILE = "results.json"
_AGAIN = "run `evaluate --save_images` again"
_OTHERS = "write METHOD=FOLDER for a folder of images"


@dataclasses.dataclass(frozen=True)
class Evaluated:
  """Images of an evaluation.

  Attributes:
    scale: the scale factor.
    methods: by the method's name, the file of each image by set and name.
  """

  scale: int
  methods: dict[str, dict[tuple[str, str], pathlib.Path]]


def load(folder: pathlib.Path) -> Evaluated:
  """Finds the images; what else lies beside them is not of this evaluation.

  Raises:
    errors.InputError: results.json is missing, damaged or of something else, or
      it names no images, or one that is missing.
  """
  path = folder / _FILE
  content = _read(path)
  try:
    scale = content["protocol"]["scale"]
    if type(scale) is not int or scale < 1:
      raise ValueError(f"its scale is {scale!r}")
    methods = {
      _title(method, place): {
        source: folder / file
        for source, file in saved_images.files(content, method, place).items()
      }
      for method, place in saved_images.places(content).items()
    }
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    reason = str(error)
    if isinstance(error, KeyError):
      reason = f"it has no {error}"
    elif isinstance(error, TypeError | AttributeError):
      reason = "its parts are of other types"
    raise errors.InputError(
      f"{path} is not what `evaluate` writes ({reason}): {_AGAIN}, or {_OTHERS}"
    ) from error
  if not any(methods.values()):
    raise errors.InputError(
      f"{path} is of an evaluation that saved no images: {_AGAIN}, or {_OTHERS}"
    )
  for method, files in methods.items():
    for source, file in files.items():
      if not file.is_file():
        raise errors.InputError(
          f"{file} is missing, the image {'/'.join(source)} of {method} that"
          f" {path} names: {_AGAIN}, or {_OTHERS}"
        )
  return Evaluated(scale, methods)


def _title(method: str, place: str) -> str:
  """What a study calls a method: as its folder, if it has its own."""
  path = pathlib.PurePath(place)
  name = pathlib.PurePath(method) if len(path.parts) == 1 else path
  return name.name or method


def _read(path: pathlib.Path) -> Any:
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError, RecursionError) as error:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    raise errors.InputError(
      f"{path} cannot be read ({reason}): expected the --output of `evaluate"
      f" --save_images`; {_AGAIN}, or {_OTHERS}"
    ) from error
