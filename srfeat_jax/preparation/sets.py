"""Making a whole prepared set: planning, resuming, finishing.

Shards are planned from the headers of all files before the first one is
written, and each is made by one process. What is complete is never made again:
a set that was interrupted, even by `kill -9`, goes on with the shards that are
missing and ends with the same bytes.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import math
import multiprocessing
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import tqdm

from srfeat_jax import atomic, errors
from srfeat_jax.data import manifest, survey
from srfeat_jax.image_io import images
from srfeat_jax.preparation import recipes, shard_task

try:
  import fcntl
except ImportError:  # not Unix
  fcntl = None  # type: ignore[assignment]

_OVERHEAD = 300  # bytes of a record apart from its pixels
_POLL = 0.2  # seconds


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
class _Plan:
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


def prepare(request: Request) -> manifest.Manifest:
  """Makes a set, or finishes it.

  Returns:
    What it holds.

  Raises:
    errors.InputError: a folder is missing or holds nothing to use; too many
      files are damaged; the output holds something else; another process makes
      it; or it cannot be written. Shards that are complete are kept.
  """
  output = pathlib.Path(request.output)
  if (output / manifest.FILE).exists():
    return _finished(request, output)
  _check_output(output)
  with _held(output):
    plan = _plan(request, output)
    _check_begun(output, plan)
    missing = [task for task in plan.tasks if not task.note.exists()]
    _check_room(request, output, plan, missing)
    _record_begin(output, plan)
    try:
      _run(request, plan, missing)
    except errors.InputError as error:
      done = sum(task.note.exists() for task in plan.tasks)
      raise errors.InputError(
        f"{error}; {done} of {len(plan.tasks)} shards in {output} are complete:"
        " the same command goes on from there"
      ) from error
    made = _finish(request, output, plan)
  shutil.rmtree(output / manifest.PROGRESS, ignore_errors=True)
  return made


def _finished(request: Request, output: pathlib.Path) -> manifest.Manifest:
  """The manifest of a set that was complete before, if it is the one meant."""
  made = manifest.read(output)
  asked = json.loads(json.dumps(request.parameters()))
  folders = [os.fspath(folder) for folder in request.folders]
  if made.parameters != asked or made.folders != folders:
    differing = [
      f"{name} is {made.parameters.get(name)!r} there and {asked.get(name)!r}"
      " now"
      for name in sorted({*asked, *made.parameters})
      if made.parameters.get(name) != asked.get(name)
    ]
    if made.folders != folders:
      differing.append(f"it was made from {', '.join(made.folders)}")
    raise errors.InputError(
      f"{output} is a set that was made otherwise: {'; '.join(differing)};"
      " choose another --output"
    )
  return made


def _check_output(output: pathlib.Path) -> None:
  """Refuses a folder that holds something else."""
  try:
    found = [entry.name for entry in output.iterdir()]
  except FileNotFoundError:
    return
  except OSError as error:
    raise errors.InputError(
      f"--output={output} cannot be used: {error.strerror}; name a folder"
    ) from error
  if found and manifest.PROGRESS not in found:
    raise errors.InputError(
      f"--output={output} is not empty: name a new folder for the set"
    )


def _plan(request: Request, output: pathlib.Path) -> _Plan:
  """Decides what goes into which shard, by the headers of all files."""
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
  check_damage(damaged, len(order), request.max_damaged, _first(skipped))
  if not used:
    raise errors.InputError(
      f"{', '.join(map(str, request.folders))}: none of the {len(order)} files"
      f" can be used; the first: {_first(skipped)}"
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
  return _Plan(tasks, skipped, order, num_records, num_bytes, digest)


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


def _first(skipped: Sequence[dict[str, Any]]) -> str:
  order = sorted(skipped, key=lambda entry: not entry["damaged"])
  return f"{order[0]['file']} {order[0]['skipped']}" if order else ""


def _too_small(recipe: recipes.Recipe, header: survey.Header) -> str:
  side = recipe.min_side()
  if min(header.height, header.width) >= side:
    return ""
  return f"is {header.width}x{header.height}, smaller than {side}x{side}"


def _check_begun(output: pathlib.Path, plan: _Plan) -> None:
  """Refuses to go on with a set that was begun otherwise."""
  try:
    begun = json.loads((output / manifest.PROGRESS / "plan.json").read_bytes())
    same = begun["digest"] == plan.digest
  except FileNotFoundError:
    return
  except (OSError, ValueError, KeyError, TypeError):
    same = False
  if not same:
    raise errors.InputError(
      f"{output} was begun with other files or settings: delete it, or choose"
      " another --output"
    )


@contextlib.contextmanager
def _held(output: pathlib.Path) -> Iterator[None]:
  """Makes the folder of a set, and keeps other processes out of it.

  A folder that is new is removed again if nothing was written into it.
  """
  progress = output / manifest.PROGRESS
  new = not output.exists()
  try:
    progress.mkdir(parents=True, exist_ok=True)
    lock = (progress / "lock").open("a")
  except OSError as error:
    raise errors.InputError(
      f"--output={output} cannot be written: {error.strerror}; choose another"
    ) from error
  with lock:
    if fcntl:
      try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except OSError as error:
        raise errors.InputError(
          f"another process prepares {output}: wait for it, or choose another"
          " --output"
        ) from error
    for part in output.glob(f".*{shard_task.PART}"):
      part.unlink(missing_ok=True)
    try:
      yield
    finally:
      if new and not (progress / "plan.json").exists():
        shutil.rmtree(output, ignore_errors=True)


def _check_room(
  request: Request,
  output: pathlib.Path,
  plan: _Plan,
  missing: Sequence[shard_task.Task],
) -> None:
  """Refuses a set that will not fit on the disk; "png" is not known before."""
  if request.encoding != "raw":
    return
  needed = plan.bytes * len(missing) // max(1, len(plan.tasks))
  free = shutil.disk_usage(output).free
  if needed > free:
    raise errors.InputError(
      f"{output} has {free / 1e9:.1f} GB free, and the set needs about"
      f" {needed / 1e9:.1f} GB more ({plan.records:,} images): free some,"
      " choose another --output, or --encoding=png, about half as large"
    )


def _record_begin(output: pathlib.Path, plan: _Plan) -> None:
  path = output / manifest.PROGRESS / "plan.json"
  if not path.exists():
    atomic.replace(path, json.dumps({"digest": plan.digest}).encode())


def _run(
  request: Request, plan: _Plan, missing: Sequence[shard_task.Task]
) -> None:
  """Makes the shards that are missing, with a progress bar."""
  if not missing:
    return
  damaged = [0]
  processes = request.processes or _cores()
  context = multiprocessing.get_context("spawn")
  count, stopping = context.Value("q", 0), context.Event()
  share = math.ceil(plan.records * len(missing) / len(plan.tasks))
  workers = min(processes, len(missing))
  pool: concurrent.futures.Executor
  if workers == 1:
    pool = concurrent.futures.ThreadPoolExecutor(
      1, initializer=shard_task.start_worker, initargs=(count, stopping)
    )
  else:
    pool = concurrent.futures.ProcessPoolExecutor(
      workers,
      mp_context=context,
      initializer=shard_task.start_worker,
      initargs=(count, stopping),
    )
  bar = tqdm.tqdm(
    desc=f"preparing {request.preset}",
    total=plan.records,
    initial=plan.records - share,
    unit="image",
    disable=None,
  )
  with bar, pool:
    futures = {pool.submit(shard_task.run, task): task for task in missing}
    try:
      waiting, shown = set(futures), 0
      while waiting:
        done, waiting = concurrent.futures.wait(
          waiting, _POLL, concurrent.futures.FIRST_COMPLETED
        )
        bar.update(count.value - shown)
        shown = count.value
        for future in done:
          future.result()
          _check_decoded(request, plan, futures[future], damaged)
    except concurrent.futures.process.BrokenProcessPool as error:
      raise errors.InputError(
        f"a process that prepares {request.output} was ended from outside, as"
        " for lack of memory"
      ) from error
    finally:
      stopping.set()
      for future in futures:
        future.cancel()


def _cores() -> int:
  """How many cores this process may use."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def _check_decoded(
  request: Request, plan: _Plan, task: shard_task.Task, damaged: list[int]
) -> None:
  """Counts the damaged files of a shard with those of others before it."""
  entries = json.loads(task.note.read_bytes())["files"]
  bad = [entry for entry in entries if entry.get("damaged")]
  damaged[0] += len(bad)
  if bad:
    headers = sum(entry["damaged"] for entry in plan.skipped)
    check_damage(
      damaged[0] + headers, len(plan.order), request.max_damaged, _first(bad)
    )


def _finish(
  request: Request, output: pathlib.Path, plan: _Plan
) -> manifest.Manifest:
  """Writes the manifest of a set whose shards are all there."""
  contents = [json.loads(task.note.read_bytes()) for task in plan.tasks]
  entries = {entry["file"]: entry for entry in plan.skipped}
  for content in contents:
    entries |= {entry["file"]: entry for entry in content["files"]}
  used = [entry for entry in entries.values() if "skipped" not in entry]
  damaged = sum(entry.get("damaged", False) for entry in entries.values())
  check_damage(
    damaged,
    len(plan.order),
    request.max_damaged,
    _first([entry for entry in entries.values() if "skipped" in entry]),
  )
  if not used:
    raise errors.InputError(f"none of the {len(plan.order)} files is whole")
  num_records = sum(entry["records"] for entry in used)
  pixels = sum(
    entry["records"] * entry["size"][0] * entry["size"][1] for entry in used
  )
  made = manifest.Manifest(
    preset=request.preset,
    parameters=json.loads(json.dumps(request.parameters())),
    folders=[os.fspath(folder) for folder in request.folders],
    counts={
      "files": len(plan.order),
      "used": len(used),
      "unreadable": damaged,
      "too_small": len(plan.order) - len(used) - damaged,
      "records": num_records,
    },
    min_size=min(min(entry["size"]) for entry in used),
    mean_bytes=3 * pixels / num_records,
    lr_scale=None,
    shards=[manifest.Shard(**content["shard"]) for content in contents],
    files_sha256="",
  )
  lines = [json.dumps(entries[name]) for name in plan.order]
  return manifest.write(output, made, lines)
