"""Damages files at random and reads them: a clear error each, or a failure.

  python -m tests.support.fuzz_files --count=10000 --seed=0 --keep=failures

Small files of every format of images and weights are changed (bits, bytes,
numbers, cuts, copies, other files' pieces) and read as the programs read them,
in a child process that is restarted when it dies. Prints a table of outcomes
by format:

  read      the file was still readable
  refused   errors.InputError of one printable line
  TRACEBACK any other exception, or a message that is not such a line
  HANG      no answer within --seconds
  CRASH     the process died
  MEMORY    it needed more than --mebibytes beyond what it had

Outcomes in capitals are failures: the file is kept under the name
`FORMAT-SEED-INDEX`, and the exit status is 1.
"""

import collections
import dataclasses
import multiprocessing
import pathlib
import resource
import tempfile
import traceback
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from absl import flags

from srfeat_jax import cli, errors
from tests.support import fuzz_samples

_COUNT = flags.DEFINE_integer("count", 10_000, "files over all formats", 1)
_SEED = flags.DEFINE_integer("seed", 0, "what the changes are drawn from", 0)
_SECONDS = flags.DEFINE_float("seconds", 20, "time a file may take", 0.1)
_MEBIBYTES = flags.DEFINE_integer("mebibytes", 2048, "memory it may take", 1)
_KEEP = flags.DEFINE_string("keep", "fuzz_failures", "folder for failures")
_FORMATS = flags.DEFINE_list("formats", [], "only these; by default all")

OUTCOMES = ("read", "refused", "TRACEBACK", "HANG", "CRASH", "MEMORY")
_FAILURES = OUTCOMES[2:]
_LONGEST = 4000  # characters of a message
_TOLD = 2  # failures of one format that are shown whole


@dataclasses.dataclass(frozen=True)
class Result:
  """The outcome for the `index`-th file of a format."""

  kind: str
  index: int
  outcome: str
  message: str


def mutated(data: bytes, others: list[bytes], rng) -> bytes:
  """Changes a file in one to four places."""
  changed = bytearray(data)
  for _ in range(rng.integers(1, 5)):
    if not changed:
      break
    # Most of what matters in a file stands at its beginning.
    end = len(changed) if rng.random() < 0.5 else min(len(changed), 512)
    at = int(rng.integers(end))
    size = int(rng.integers(1, 64))
    match rng.integers(8):
      case 0:
        changed[at] ^= 1 << int(rng.integers(8))
      case 1:
        changed[at] = int(rng.integers(256))
      case 2:
        width = int(rng.choice([1, 2, 4, 8]))
        extreme = int(rng.choice([0, 1, 2**7, 2**31 - 1, 2**62, -1, -2]))
        number = extreme % 2 ** (8 * width)
        order = "little" if rng.random() < 0.5 else "big"
        changed[at : at + width] = number.to_bytes(width, order)
      case 3:
        del changed[at:]
      case 4:
        del changed[at : at + size]
      case 5:
        changed[at:at] = changed[at : at + size] * int(rng.integers(1, 20))
      case 6:
        changed[at:at] = rng.bytes(size)
      case 7:
        other = others[int(rng.integers(len(others)))]
        start = int(rng.integers(len(other)))
        changed[at : at + size] = other[start : start + size]
  return bytes(changed)


def case(
  seed: int, kind: str, index: int, make: Callable = fuzz_samples.make
) -> bytes:
  """The `index`-th changed file of a format."""
  samples = make()
  # By the name, so that a new format leaves the others' files as they are.
  rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), index])
  others = [sample.data for sample in samples.values()]
  return samples[kind].wrap(mutated(samples[kind].data, others, rng))


def outcome_of(read: Callable, path: pathlib.Path) -> tuple[str, str]:
  """Reads a file; returns the outcome and the message."""
  try:
    read(path)
    return "read", ""
  except errors.InputError as error:
    message = str(error)
    if message.isprintable() and len(message) <= _LONGEST:
      return "refused", message
    return "TRACEBACK", f"not a clear line: {message[:_LONGEST]!r}"
  except BaseException:
    return "TRACEBACK", traceback.format_exc()


def run(
  seed: int,
  cases: list[tuple[str, int]],
  seconds: float,
  mebibytes: int,
  make: Callable = fuzz_samples.make,
) -> Iterator[Result]:
  """Reads changed files in a child process, and yields the outcome of each.

  Args:
    seed: what the changes are drawn from.
    cases: formats and indices.
    seconds: time that a file may take.
    mebibytes: memory that a file may take.
    make: a module's function that returns the samples.

  Yields:
    A result for each case, in their order.
  """
  context = multiprocessing.get_context("spawn")
  worker = None
  with tempfile.TemporaryDirectory() as folder:
    for kind, index in cases:
      if worker is None:
        pipe, end = context.Pipe()
        worker = context.Process(
          target=_work, args=(end, folder, seed, mebibytes, make), daemon=True
        )
        worker.start()
        end.close()
        pipe.recv()  # It has read every sample: from now on time counts.
      pipe.send((kind, index))
      outcome = None
      try:
        if pipe.poll(seconds):
          outcome, message = pipe.recv()
        else:
          outcome, message = "HANG", f"no answer in {seconds:g} s"
      except EOFError:
        worker.join()
        outcome, message = "CRASH", f"exit code {worker.exitcode}"
      if outcome in ("HANG", "CRASH"):
        worker.kill()
        worker.join()
        worker = None
      yield Result(kind, index, outcome, message)
    if worker is not None:
      pipe.send(None)
      worker.join()


def _work(pipe, folder: str, seed: int, mebibytes: int, make: Callable) -> None:
  """Reads what the parent asks for until it asks for nothing."""
  samples = make()
  for kind, sample in samples.items():
    path = pathlib.Path(folder, f"sample-{kind}")
    path.write_bytes(sample.wrap(sample.data))
    for read in sample.readers:
      read(path)  # A sample that is refused would make a fuzzer of nothing.
  pipe.send("ready")
  while asked := pipe.recv():
    kind, index = asked
    path = pathlib.Path(folder, f"{kind}-{index}")
    path.write_bytes(case(seed, kind, index, make))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = [outcome_of(read, path) for read in samples[kind].readers]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    path.unlink()
    outcome, message = max(outcomes, key=lambda each: OUTCOMES.index(each[0]))
    if grown > mebibytes * 1024 and outcome not in _FAILURES:
      outcome, message = "MEMORY", f"{grown / 1024:.0f} MiB more"
    pipe.send((outcome, message))


def main(argv) -> int:
  """Fuzzes and prints the table."""
  del argv
  kinds = sorted(fuzz_samples.make())
  if unknown := set(_FORMATS.value) - set(kinds):
    raise errors.InputError(
      f"--formats: {', '.join(sorted(unknown))} is none of {', '.join(kinds)}"
    )
  kinds = [kind for kind in kinds if kind in (_FORMATS.value or kinds)]
  cases = [
    (kinds[i % len(kinds)], i // len(kinds)) for i in range(_COUNT.value)
  ]
  counts = collections.defaultdict(collections.Counter)
  for result in run(_SEED.value, cases, _SECONDS.value, _MEBIBYTES.value):
    counts[result.kind][result.outcome] += 1
    if result.outcome in _FAILURES:
      _keep(result, counts[result.kind][result.outcome] <= _TOLD)
  print(f"{'format':24}" + "".join(f"{name:>10}" for name in OUTCOMES))
  counts["all"] = sum(counts.values(), collections.Counter())
  for kind, of_kind in counts.items():
    row = "".join(f"{of_kind[name]:10,}" for name in OUTCOMES)
    print(f"{kind:24}{row}")
  return int(any(counts["all"][name] for name in _FAILURES))


def _keep(result: Result, told: bool) -> None:
  folder = pathlib.Path(_KEEP.value)
  folder.mkdir(parents=True, exist_ok=True)
  name = f"{result.kind}-{_SEED.value}-{result.index}"
  data = case(_SEED.value, result.kind, result.index)
  (folder / name).write_bytes(data)
  if told:
    print(f"{result.outcome} {folder / name}\n{result.message}", flush=True)


if __name__ == "__main__":
  cli.run(main)
