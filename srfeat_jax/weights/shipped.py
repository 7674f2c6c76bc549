"""The weights that come with the package, by name.

They are in `pretrained/`, each with a card that describes them, their training
and their results; `index.json` there has an entry for each: a summary, the
scale factor, what they are for and not for, and the hash of the file.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from srfeat_jax import errors

FOLDER = pathlib.Path(__file__).parent / "pretrained"
INDEX: Mapping[str, Mapping[str, Any]] = json.loads(
  (FOLDER / "index.json").read_text()
)
NAMES = tuple(INDEX)
DEFAULT = NAMES[0]  # those for photographs


def path(name: str) -> pathlib.Path:
  """Returns the file with weights, after checking its hash.

  Args:
    name: one of `NAMES`.

  Raises:
    errors.InputError: the file is missing or has been changed.
  """
  file = FOLDER / f"{name}.safetensors"
  try:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
  except OSError as error:
    raise errors.InputError(
      f"{file}, the weights {name}, cannot be read ({error.strerror}): install"
      " srfeat_jax again"
    ) from error
  if digest != INDEX[name]["sha256"]:
    raise errors.InputError(
      f"{file} is damaged or has been changed: its sha256 is {digest}, but that"
      f" of the weights {name} is {INDEX[name]['sha256']}; install srfeat_jax"
      " again"
    )
  return file


def listing() -> str:
  """Lists the weights, with what they are for and what they are not for."""
  lines = []
  for name, about in INDEX.items():
    default = " (default)" * (name == DEFAULT)
    lines += [
      f"{name}, x{about['scale']}{default}",
      f"  {about['summary']}",
      f"  for: {about['for']}",
      f"  not for: {about['not_for']}",
    ]
  return "\n".join(lines)
