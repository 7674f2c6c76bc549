"""The weights that come with the package, by name.

They lie in `pretrained/`, each beside a card that says what they are, how they
were made and how good they are; `index.json` there has a line for each.
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
DEFAULT = NAMES[0]  # the best comes first


def path(name: str) -> pathlib.Path:
  """Finds weights, and sees that they are what was shipped.

  Args:
    name: of `NAMES`.

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
      f"{file} is damaged or has been changed: its sha256 is {digest}, and that"
      f" of the weights {name} is {INDEX[name]['sha256']}. Install srfeat_jax"
      " again"
    )
  return file


def listing() -> str:
  """What there is to choose from, a line each."""
  width = max(map(len, NAMES))
  lines = []
  for name, about in INDEX.items():
    default = " (used unless --weights says otherwise)" * (name == DEFAULT)
    lines.append(f"{name:{width}}  {about['summary']}{default}")
  return "\n".join(lines)
