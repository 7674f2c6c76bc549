"""What a set will be made of, decided before the first image is decoded."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.data import manifest, pairs, survey
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
    lr_folders: of LR images, one for each of `folders`; () where LR is made
      from HR while training.
    lr_scale: how many times larger HR is than these; the recipe is `Whole`.
  """

  folders: Sequence[str]
  output: str
  preset: str
  recipe: recipes.Recipe
  encoding: str = "raw"
  shard_bytes: int = 128 << 20
  max_damaged: float = 0.01
  processes: int = 0
  lr_folders: Sequence[str] = ()
  lr_scale: int | None = None

  def places(self) -> list[str]:
    """Where the images are, without slashes at the end."""
    folders, lr_folders = (
      [os.fspath(pathlib.Path(folder)) for folder in each]
      for each in (self.folders, self.lr_folders)
    )
    if not lr_folders:
      return folders
    both = zip(folders, lr_folders, strict=True)
    return [f"hr={hr},lr={lr}" for hr, lr in both]

  def parameters(self) -> dict[str, Any]:
    """All that the set depends on apart from the files, JSON-able."""
    own = {"lr_scale": self.lr_scale} if self.lr_scale else {}
    return {
      **own,
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
    partners = _partners(request, index, paths)
    for path, header in zip(paths, headers, strict=True):
      name = path.relative_to(folder).as_posix()
      if len(request.folders) > 1:
        name = f"{index}/{name}"
      order.append(name)
      identity.append([name, header.bytes, header.mtime_ns])
      file = shard_task.File(os.fspath(path), name)
      damage, size, misfit = header.problem, (header.height, header.width), ""
      if partner := partners.get(path):
        lr_path, lr_header = partner
        identity[-1] += [lr_header.bytes, lr_header.mtime_ns]
        file = dataclasses.replace(file, lr_path=os.fspath(lr_path))
        if lr_header.problem:
          damage = damage or f"has an LR image that {lr_header.problem}"
        if not damage:
          size, misfit = _fitting(size, lr_header, request.lr_scale)
      elif request.lr_folders:
        misfit = f"has no partner in {request.lr_folders[index]}"
      reason = damage or misfit or _too_small(request.recipe, size)
      if reason:
        is_damaged = bool(damage)
        damaged += is_damaged
        skipped.append({"file": name, "skipped": reason, "damaged": is_damaged})
      else:
        used.append((file, size))
  check_damage(damaged, len(order), request.max_damaged, first(skipped))
  if not used:
    raise errors.InputError(
      f"{', '.join(request.places())}: none of the {len(order)} files"
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
      request.lr_scale,
    )
    for i, files in enumerate(groups)
  ]
  everything = [manifest.VERSION, request.parameters(), identity]
  digest = hashlib.sha256(json.dumps(everything).encode()).hexdigest()
  return Plan(tasks, skipped, order, num_records, num_bytes, digest)


def _groups(
  request: Request, used: Sequence[tuple[shard_task.File, tuple[int, int]]]
) -> tuple[list[list[shard_task.File]], int, int]:
  """The files of each shard, and how many records and bytes there will be."""
  groups: list[list[shard_task.File]] = [[]]
  filled = num_records = num_bytes = 0
  for file, size in used:
    count = request.recipe.count(*size)
    height, width = request.recipe.record_size(*size)
    pixels = height * width
    if request.lr_scale:
      pixels += pixels // request.lr_scale**2
    weight = count * (3 * pixels + _OVERHEAD)
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


def _partners(
  request: Request, index: int, paths: Sequence[pathlib.Path]
) -> dict[pathlib.Path, tuple[pathlib.Path, survey.Header]]:
  """LR files by the files of a folder, with their headers.

  Raises:
    errors.InputError: see `pairs.match`.
  """
  if not request.lr_scale:
    return {}
  lr_folder = pathlib.Path(request.lr_folders[index])
  matched = pairs.match(
    paths,
    images.find(lr_folder),
    pathlib.Path(request.folders[index]),
    lr_folder,
    request.lr_scale,
  )
  cache = pathlib.Path(
    request.output, manifest.PROGRESS, f"lr-headers-{index}.json"
  )
  headers = survey.scan(lr_folder, [lr for _, lr in matched], cache)
  return {
    hr: (lr, header) for (hr, lr), header in zip(matched, headers, strict=True)
  }


def _fitting(
  size: tuple[int, int], lr: survey.Header, scale: int | None
) -> tuple[tuple[int, int], str]:
  """What of an HR image its LR image shows, and why it fits none, or ""."""
  scale = scale or 1
  try:
    height, width = pairs.shared(size, (lr.height, lr.width), scale)
  except errors.InputError as error:
    return size, f"is not of scale {scale}: {error}"
  return (scale * height, scale * width), ""


def _too_small(recipe: recipes.Recipe, size: tuple[int, int]) -> str:
  side = recipe.min_side()
  if min(size) >= side:
    return ""
  return f"is {size[1]}x{size[0]}, smaller than {side}x{side}"
