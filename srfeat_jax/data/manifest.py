"""What a prepared set is: `manifest.json` and `files.jsonl` beside its shards.

A folder with a manifest is a finished set. `files.jsonl` has a line for each
file that the set was made from, in their order: "file", "bytes", "sha256",
"height" and "width", "records", "size" (height and width of its records) and
"fingerprint"; or, for a skipped one, "file" and "skipped", the reason. While a
set is being made, its state is in the folder `.progress`.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from srfeat_jax import atomic, errors

VERSION = 1
FILE, FILES, PROGRESS = "manifest.json", "files.jsonl", ".progress"
_FORMAT = "srfeat_jax prepared set"
_ANEW = (
  "delete the folder of the set, or choose another --output, and run the same"
  " command of srfeat_jax.prepare"
)


@dataclasses.dataclass(frozen=True)
class Shard:
  """A file of records.

  Attributes:
    name: in the set's folder.
    records: how many it holds.
    bytes: its size.
    sha256: of its content.
  """

  name: str
  records: int
  bytes: int
  sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
  """What a set holds and how it was made.

  Attributes:
    preset: the name of the recipe.
    parameters: all that the records depend on apart from the files, JSON-able.
    folders: where the files were.
    counts: "files", "used", "unreadable", "too_small", with those whose LR
      image does not fit, and "records".
    min_size: the fewest pixels on a side of any record.
    mean_bytes: of a record's images, decoded.
    lr_scale: how many times larger HR is than the LR image beside it; None
      where there is none.
    shards: the files of records, in their order.
    files_sha256: of `files.jsonl`.
    has_teacher: whether a teacher's output is beside each LR image; not in the
      manifests of earlier versions.
  """

  preset: str
  parameters: Mapping[str, Any]
  folders: Sequence[str]
  counts: Mapping[str, int]
  min_size: int
  mean_bytes: float
  lr_scale: int | None
  shards: Sequence[Shard]
  files_sha256: str
  has_teacher: bool = False

  @property
  def records(self) -> int:
    """How many images there are."""
    return sum(shard.records for shard in self.shards)


def is_set(folder: str | os.PathLike) -> bool:
  """Whether a folder is a prepared set, finished or not."""
  folder = pathlib.Path(folder)
  if (folder / FILE).exists() or (folder / PROGRESS).exists():
    return True
  return next(folder.glob("*.array_record"), None) is not None


def write(
  folder: str | os.PathLike, manifest: Manifest, lines: Sequence[str]
) -> Manifest:
  """Finishes a set.

  Args:
    folder: of the set.
    manifest: what it holds, apart from `files_sha256`.
    lines: of `files.jsonl`.

  Returns:
    The manifest with `files_sha256`.

  Raises:
    errors.InputError: a file cannot be written.
  """
  folder = pathlib.Path(folder)
  data = "".join(f"{line}\n" for line in lines).encode()
  atomic.replace(folder / FILES, data)
  manifest = dataclasses.replace(
    manifest, files_sha256=hashlib.sha256(data).hexdigest()
  )
  content = {"format": _FORMAT, "version": VERSION}
  content |= dataclasses.asdict(manifest)
  atomic.replace(folder / FILE, f"{json.dumps(content, indent=2)}\n".encode())
  return manifest


def read(folder: str | os.PathLike, find_shards: bool = True) -> Manifest:
  """Reads the manifest of a finished set, and finds its shards.

  Args:
    folder: of the set.
    find_shards: whether each shard must be there, with its size.

  Raises:
    errors.InputError: the set is not finished; its manifest is damaged or of
      another version; or a shard is missing or has another size.
  """
  path = pathlib.Path(folder) / FILE
  try:
    content = json.loads(path.read_bytes())
    if content.pop("format") != _FORMAT:
      raise ValueError("it does not say what it is")
    version = content.pop("version")
    if version != VERSION:
      raise errors.InputError(
        f"{path} is of version {version} of prepared sets, and this program"
        f" reads version {VERSION}: {_ANEW}"
      )
    content["shards"] = [Shard(**shard) for shard in content["shards"]]
    manifest = Manifest(**content)
  except FileNotFoundError as error:
    raise errors.InputError(
      f"{folder} is a prepared set without {FILE}: if it is not finished, run"
      " the same command of srfeat_jax.prepare again"
    ) from error
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise errors.InputError(
      f"{path} is not the manifest of a prepared set ({error!r}): {_ANEW}"
    ) from error
  for shard in manifest.shards if find_shards else ():
    _check_size(path.with_name(shard.name), shard.bytes)
  return manifest


def read_files(
  folder: str | os.PathLike, manifest: Manifest
) -> list[dict[str, Any]]:
  """Reads what a set was made from, an entry for each file.

  Raises:
    errors.InputError: `files.jsonl` is missing or damaged.
  """
  path = pathlib.Path(folder) / FILES
  try:
    data = path.read_bytes()
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}; {_ANEW}"
    ) from error
  if hashlib.sha256(data).hexdigest() != manifest.files_sha256:
    raise errors.InputError(f"{path} is not what its manifest says: {_ANEW}")
  return [json.loads(line) for line in data.splitlines()]


def _check_size(path: pathlib.Path, expected: int) -> None:
  try:
    found = path.stat().st_size
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}; copy it again, or run the same"
      " command of srfeat_jax.prepare, which makes this file again"
    ) from error
  if found != expected:
    raise errors.InputError(
      f"{path} has {found:,} bytes, and its manifest says {expected:,}: copy it"
      " again, or run the same command of srfeat_jax.prepare, which makes this"
      " file again"
    )
