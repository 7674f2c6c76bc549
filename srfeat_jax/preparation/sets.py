"""Making a whole prepared set: resuming, running, finishing.

Shards are planned from the headers of all files before the first one is
written, and each is made by one process. What is complete is never made again:
a set that was interrupted, even by `kill -9`, goes on with the shards that are
missing and ends with the same bytes.
"""

import concurrent.futures
import contextlib
import json
import math
import multiprocessing
import pathlib
import shutil
from collections.abc import Iterator, Sequence

import tqdm
from absl import logging

from srfeat_jax import atomic, errors, locking
from srfeat_jax.data import inspection, manifest, threads
from srfeat_jax.preparation import planning, shard_task

_POLL = 0.2  # seconds


def prepare(request: planning.Request) -> manifest.Manifest:
  """Makes a set, or finishes it.

  Of a set that is complete the shards are verified, and only those that are
  damaged or missing are made again.

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
    plan = planning.create(request)
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


def _finished(
  request: planning.Request, output: pathlib.Path
) -> manifest.Manifest:
  """The manifest of a set that was complete before, if it is the one meant."""
  made = manifest.read(output, find_shards=False)
  asked = json.loads(json.dumps(request.parameters()))
  folders = request.places()
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
  damaged = inspection.damaged_shards(output, made)
  if damaged:
    _repair(request, output, made, damaged)
  return made


def _repair(
  request: planning.Request,
  output: pathlib.Path,
  made: manifest.Manifest,
  damaged: Sequence[str],
) -> None:
  """Makes some shards of a complete set again.

  Raises:
    errors.InputError: the files are not those that they were made from.
  """
  logging.warning(
    "%s: %d of %d shards are damaged or missing, and are made again: %s",
    *(output, len(damaged), len(made.shards), ", ".join(damaged)),
  )
  with _held(output):
    plan = planning.create(request)
    tasks = [task for task in plan.tasks if task.name in damaged]
    for task in tasks:
      task.note.unlink(missing_ok=True)
    _run(request, plan, tasks)
    digests = {
      task.name: json.loads(task.note.read_bytes())["shard"]["sha256"]
      for task in tasks
    }
    others = [
      output / shard.name
      for shard in made.shards
      if shard.name in damaged and digests.get(shard.name) != shard.sha256
    ]
    for path in others:  # or training, which goes by sizes, would take them
      path.unlink(missing_ok=True)
  shutil.rmtree(output / manifest.PROGRESS, ignore_errors=True)
  if others:
    raise errors.InputError(
      f"{others[0]} cannot be made again as it was, and is removed: the files"
      f" in {', '.join(request.places())} have changed; prepare a new set in"
      " another --output"
    )


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


def _check_begun(output: pathlib.Path, plan: planning.Plan) -> None:
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
  busy = (
    f"another process prepares {output}: wait for it, or choose another"
    " --output"
  )
  with contextlib.ExitStack() as stack:
    try:
      progress.mkdir(parents=True, exist_ok=True)
      stack.enter_context(locking.hold(progress / "lock", busy))
    except OSError as error:
      raise errors.InputError(
        f"--output={output} cannot be written: {error.strerror}; choose another"
      ) from error
    for part in output.glob(f".*{shard_task.PART}"):
      part.unlink(missing_ok=True)
    try:
      yield
    finally:
      if new and not (progress / "plan.json").exists():
        shutil.rmtree(output, ignore_errors=True)


def _check_room(
  request: planning.Request,
  output: pathlib.Path,
  plan: planning.Plan,
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


def _record_begin(output: pathlib.Path, plan: planning.Plan) -> None:
  path = output / manifest.PROGRESS / "plan.json"
  if not path.exists():
    atomic.replace(path, json.dumps({"digest": plan.digest}).encode())


def _run(
  request: planning.Request,
  plan: planning.Plan,
  missing: Sequence[shard_task.Task],
) -> None:
  """Makes the shards that are missing, with a progress bar."""
  if not missing:
    return
  damaged = [0]
  processes = request.processes or threads.cores()
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
        for future in [each for each in futures if each in done]:
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


def _check_decoded(
  request: planning.Request,
  plan: planning.Plan,
  task: shard_task.Task,
  damaged: list[int],
) -> None:
  """Counts the damaged files of a shard with those of others before it."""
  entries = json.loads(task.note.read_bytes())["files"]
  bad = [entry for entry in entries if entry.get("damaged")]
  damaged[0] += len(bad)
  if bad:
    headers = sum(entry["damaged"] for entry in plan.skipped)
    planning.check_damage(
      damaged[0] + headers,
      len(plan.order),
      request.max_damaged,
      planning.first(bad),
    )


def _finish(
  request: planning.Request, output: pathlib.Path, plan: planning.Plan
) -> manifest.Manifest:
  """Writes the manifest of a set whose shards are all there."""
  contents = [json.loads(task.note.read_bytes()) for task in plan.tasks]
  entries = {entry["file"]: entry for entry in plan.skipped}
  for content in contents:
    entries |= {entry["file"]: entry for entry in content["files"]}
  used = [entry for entry in entries.values() if "skipped" not in entry]
  damaged = sum(entry.get("damaged", False) for entry in entries.values())
  planning.check_damage(
    damaged,
    len(plan.order),
    request.max_damaged,
    planning.first([entry for entry in entries.values() if "skipped" in entry]),
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
    folders=request.places(),
    counts={
      "files": len(plan.order),
      "used": len(used),
      "unreadable": damaged,
      "too_small": len(plan.order) - len(used) - damaged,
      "records": num_records,
    },
    min_size=min(min(entry["size"]) for entry in used),
    mean_bytes=3 * request.pixels(pixels) / num_records,
    lr_scale=request.lr_scale,
    shards=[manifest.Shard(**content["shard"]) for content in contents],
    files_sha256="",
    has_teacher=bool(request.teacher_folders),
  )
  lines = [json.dumps(entries[name]) for name in plan.order]
  return manifest.write(output, made, lines)
