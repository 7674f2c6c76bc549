"""What a set will be made of, decided before the first image is decoded."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.data import manifest, survey
from srfeat_jax.image_io import images
from srfeat_jax.preparation import recipes, shard_task

_OVERHEAD = 300  # bytes of a record apart from its pixels


@dataclasses.dataclass(frozen=True)
class Request:
  """What is asked for.

  Attributes:
    folders: of images, searched with their subfolders.
    output: the folder of the set.
    preset: the name of the recipe.
    recipe: what is cut from each image.
    encoding: of the records, one of `records.ENCODINGS`.
    shard_bytes: about how large a shard is.
    max_damaged: the largest share of files that may be damaged.
    processes: how many work at once; 0: one for each core.
  """

  folders: Sequence[str]
  output: str
  preset: str
  recipe: recipes.Recipe
  encoding: str = "raw"
  shard_bytes: int = 128 << 20
  max_damaged: float = 0.01
  processes: int = 0

  def parameters(self) -> dict[str, Any]:
    """All that the set depends on apart from the files, JSON-able."""
    return {
      **self.recipe.parameters(),
      "encoding": self.encoding,
      "shard_bytes": self.shard_bytes,
    }


@dataclasses.dataclass(frozen=True)
class Plan:
  """What will be made.

  Attributes:
    tasks: the shards.
    skipped: entries of files that are not used, by their index.
    order: of all files, their names.
    records: how many are expected.
    bytes: of all records, before they are encoded.
    digest: of all that the set depends on.
  """

  tasks: Sequence[shard_task.Task]
  skipped: Sequence[dict[str, Any]]
  order: Sequence[str]
  records: int
  bytes: int
  digest: str


def create(request: Request) -> Plan:
  """Decides what goes into which shard, by the headers of all files.

  What the headers say is kept beside the manifest for the next start.

  Raises:
    errors.InputError: a folder is missing or holds nothing to use, or too many
      files are damaged.
  """
  output = pathlib.Path(request.output)
  order, used, skipped, identity = [], [], [], []
  damaged = 0
  for index, folder in enumerate(request.folders):
    paths = images.find(folder)
    cache = output / manifest.PROGRESS / f"headers-{index}.json"
    headers = survey.scan(folder, paths, cache)
    for path, header in zip(paths, headers, strict=True):
      name = path.relative_to(folder).as_posix()
      if len(request.folders) > 1:
        name = f"{index}/{name}"
      order.append(name)
      identity.append([name, header.bytes, header.mtime_ns])
      reason = header.problem or _too_small(request.recipe, header)
      if reason:
        is_damaged = bool(header.problem)
        damaged += is_damaged
        skipped.append({"file": name, "skipped": reason, "damaged": is_damaged})
      else:
        used.append((shard_task.File(os.fspath(path), name), header))
  check_damage(damaged, len(order), request.max_damaged, first(skipped))
  if not used:
    raise errors.InputError(
      f"{', '.join(map(str, request.folders))}: none of the {len(order)} files"
      f" can be used; the first: {first(skipped)}"
    )
  groups, num_records, num_bytes = _groups(request, used)
  tasks = [
    shard_task.Task(
      os.fspath(output),
      f"{request.preset}-{i:05}-of-{len(groups):05}.array_record",
      files,
      request.recipe,
      request.encoding,
    )
    for i, files in enumerate(groups)
  ]
  everything = [manifest.VERSION, request.parameters(), identity]
  digest = hashlib.sha256(json.dumps(everything).encode()).hexdigest()
  return Plan(tasks, skipped, order, num_records, num_bytes, digest)


def _groups(
  request: Request, used: Sequence[tuple[shard_task.File, survey.Header]]
) -> tuple[list[list[shard_task.File]], int, int]:
  """The files of each shard, and how many records and bytes there will be."""
  groups: list[list[shard_task.File]] = [[]]
  filled = num_records = num_bytes = 0
  for file, header in used:
    size = header.height, header.width
    count = request.recipe.count(*size)
    height, width = request.recipe.record_size(*size)
    weight = count * (3 * height * width + _OVERHEAD)
    if groups[-1] and filled + weight > request.shard_bytes:
      groups.append([])
      filled = 0
    groups[-1].append(file)
    filled += weight
    num_records += count
    num_bytes += weight
  return groups, num_records, num_bytes


def check_damage(
  damaged: int, total: int, max_damaged: float, example: str
) -> None:
  """Stops where too many files are damaged.

  Args:
    damaged: files that cannot be read.
    total: all files.
    max_damaged: the largest share of them that is accepted.
    example: one of them, with what is wrong.

  Raises:
    errors.InputError: there are more.
  """
  if damaged > max_damaged * total:
    raise errors.InputError(
      f"{damaged} of {total} files are damaged ({example}), more than"
      f" {max_damaged:.2%}: repair or remove them, or allow more by"
      " --max_damaged"
    )


def first(skipped: Sequence[dict[str, Any]]) -> str:
  """The first of some skipped files, with what is wrong; damaged ones first."""
  order = sorted(skipped, key=lambda entry: not entry["damaged"])
  return f"{order[0]['file']} {order[0]['skipped']}" if order else ""


def _too_small(recipe: recipes.Recipe, header: survey.Header) -> str:
  side = recipe.min_side()
  if min(header.height, header.width) >= side:
    return ""
  return f"is {header.width}x{header.height}, smaller than {side}x{side}"
