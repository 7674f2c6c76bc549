"""What a set will be made of, decided before the first image is decoded."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.data import manifest, pairs, survey
from srfeat_jax.data import partners as partners_lib
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
    teacher_folders: of what a teacher makes of these, as many; () without.
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
  teacher_folders: Sequence[str] = ()

  def groups(self) -> list[dict[str, str]]:
    """Folders that belong together, by the kind of their images."""
    kinds = {
      "hr": self.folders,
      "lr": self.lr_folders,
      "teacher": self.teacher_folders,
    }
    kinds = {kind: folders for kind, folders in kinds.items() if folders}
    return [
      dict(zip(kinds, each, strict=True))
      for each in zip(*kinds.values(), strict=True)
    ]

  def places(self) -> list[str]:
    """Where the images are, without slashes at the end."""
    groups = [
      {kind: os.fspath(pathlib.Path(x)) for kind, x in group.items()}
      for group in self.groups()
    ]
    if not self.lr_folders:
      return [group["hr"] for group in groups]
    return [
      ",".join(f"{kind}={folder}" for kind, folder in group.items())
      for group in groups
    ]

  def pixels(self, of_hr: int) -> int:
    """How many the images of records have whose HR images have so many."""
    pixels = of_hr
    if self.lr_scale:
      pixels += of_hr // self.lr_scale**2
    if self.teacher_folders:
      pixels += of_hr
    return pixels

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
  for index, group in enumerate(request.groups()):
    folder = group["hr"]
    paths = images.find(folder)
    cache = output / manifest.PROGRESS / f"headers-{index}.json"
    headers = survey.scan(folder, paths, cache)
    found = _partners(request, index, paths)
    for path, header in zip(paths, headers, strict=True):
      name = path.relative_to(folder).as_posix()
      if len(request.folders) > 1:
        name = f"{index}/{name}"
      order.append(name)
      identity.append([name, header.bytes, header.mtime_ns])
      file = shard_task.File(os.fspath(path), name)
      damage, size, misfit = header.problem, (header.height, header.width), ""
      if partners := found.get(path):
        for kind, (partner, of_it) in partners.items():
          identity[-1] += [of_it.bytes, of_it.mtime_ns]
          file = dataclasses.replace(
            file, others={**file.others, kind: os.fspath(partner)}
          )
          if of_it.problem:
            damage = damage or f"has a partner, {partner}, that {of_it.problem}"
        if not damage:
          size, misfit = _fitting(size, partners, request.lr_scale)
      elif request.lr_folders:
        _, *others = group.values()
        misfit = f"has no partner in {' or '.join(others)}"
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
    pixels = request.pixels(height * width)
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
) -> dict[pathlib.Path, dict[str, tuple[pathlib.Path, survey.Header]]]:
  """The files that go with each of a folder, by kind, with their headers.

  Raises:
    errors.InputError: see `partners.match`.
  """
  if not request.lr_scale:
    return {}
  group = request.groups()[index]
  matched = partners_lib.match(paths, list(group.values()), request.lr_scale)
  found: dict[pathlib.Path, dict] = {hr: {} for hr in matched}
  _, *kinds = group
  for kind, files in zip(
    kinds, zip(*matched.values(), strict=True), strict=True
  ):
    cache = pathlib.Path(
      request.output, manifest.PROGRESS, f"{kind}-headers-{index}.json"
    )
    headers = survey.scan(group[kind], files, cache)
    for hr, path, header in zip(matched, files, headers, strict=True):
      found[hr][kind] = path, header
  return found


def _fitting(
  hr: tuple[int, int],
  partners: Mapping[str, tuple[pathlib.Path, survey.Header]],
  scale: int | None,
) -> tuple[tuple[int, int], str]:
  """What of an HR image its LR image shows, and why it fits none, or ""."""
  scale = scale or 1
  sizes = {
    kind: (header.height, header.width)
    for kind, (_, header) in partners.items()
  }
  try:
    height, width = pairs.shared(pairs.Pair(hr, **sizes), scale)
  except errors.InputError as error:
    return hr, f"is not of scale {scale}: {error}"
  return (scale * height, scale * width), ""


def _too_small(recipe: recipes.Recipe, size: tuple[int, int]) -> str:
  side = recipe.min_side()
  if min(size) >= side:
    return ""
  return f"is {size[1]}x{size[0]}, smaller than {side}x{side}"
