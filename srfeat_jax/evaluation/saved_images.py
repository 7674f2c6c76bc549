"""Where `evaluate --save_images` puts images below its results.

They are at images/SET/NAME.png if one method was evaluated, and at
images/METHOD/SET/NAME.png if several were. `results.json` says so, see
`folders`: other images may lie there from an earlier evaluation.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

KEY = "images"  # in `results.json`
_FOLDER = "images"
# What `upscaling.options` adds to the weights in the names of methods.
_OPTIONS = re.compile(r"( \((ensemble|float32|bfloat16)\))+$")


def folders(captions: Mapping[str, str]) -> dict[str, str]:
  """The folder of each method, below that of the results.

  Args:
    captions: short names of all methods that are evaluated, by their names.
  """
  if len(captions) == 1:
    return dict.fromkeys(captions, _FOLDER)
  return {
    name: f"{_FOLDER}/{caption.replace('/', '_')}"
    for name, caption in captions.items()
  }


def places(results: Mapping[str, Any]) -> dict[str, str]:
  """The folder of each method whose images were saved; see `folders`.

  Args:
    results: what `results.json` holds. If it was written before `KEY` was, the
      folders are those that its methods would have.

  Raises:
    KeyError, TypeError, AttributeError: `evaluate` writes no such results.
  """
  if KEY in results:
    return dict(results[KEY].items())
  names = [results["weights"], *results.get("others", {})]
  return folders(_captions(names))


def files(
  results: Mapping[str, Any], method: str, place: str
) -> dict[tuple[str, str], str]:
  """The paths of a method's images, below the folder of the results.

  Args:
    results: what `results.json` holds.
    method: one of `places`.
    place: its folder.

  Returns:
    A path, where nothing need be, for each set and image that was evaluated.

  Raises:
    KeyError, TypeError, AttributeError: `evaluate` writes no such results.
    ValueError: likewise, as a path leads out of the folder.
  """
  sets = {results["weights"]: results["sets"], **results.get("others", {})}
  return {
    (set_name, image): _path(place, set_name, image)
    for set_name, scores in sets[method].items()
    for image in scores["images"].keys()  # noqa: SIM118, not a list's
  }


def _path(*parts: str) -> str:
  path = pathlib.PurePosixPath("/".join(parts) + ".png")
  if path.is_absolute() or ".." in path.parts:
    raise ValueError(f"{path} is not in its folder")
  return str(path)


def _captions(methods: list[str]) -> dict[str, str]:
  """The last parts of the weights' paths, or the names where those are alike.

  Of several methods none is blended.
  """
  short = [
    pathlib.PurePath(_OPTIONS.sub("", method)).name for method in methods
  ]
  alike = len(set(short)) < len(short)
  return dict(zip(methods, methods if alike else short, strict=True))
