"""A run that is killed again and again ends as one that never was.

python -m tests.soak FOLDER --local=100 --store=20

One tiny adversarial run (`tests.support.soak_run`) is ended by kill -9 and by
SIGTERM at moments drawn at random, while it starts, trains, validates or saves,
and started again each time: once with a workdir in FOLDER, once with one by
address, gs://..., in a stand-in for Google Cloud Storage on this machine. Then
its state, weights and log are compared with those of a run that was left alone:
every number must be equal, bit for bit.

Each start forks a process in which all modules are imported, and programs come
from a compilation cache: it takes seconds. The same command goes on where the
soak itself was interrupted. The exit status is 1 if anything differs.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time

import numpy as np

from srfeat_jax import atomic, places
from tests.support import object_store, runs, soak_run

_LOCAL, _STORE = "local", "store"
_STEPS_PER_KILL = {_LOCAL: 8, _STORE: 6}
_LAST_STEPS = 20  # after the last kill
_KILL_SHARE = 0.75  # of kill -9; the others are SIGTERM
_START_SHARE = 0.15  # of kills while a run starts
_LONGEST_DELAY = 0.5  # seconds from a step to a kill
_DEADLINE = 1800  # seconds that a run may take to come to the next step
_POLL = 0.01  # seconds


@dataclasses.dataclass(frozen=True)
class Kill:
  """One end of a run.

  Attributes:
    number: of the signal.
    step: after which; None while the run starts.
    delay: seconds after that step; of a start, a share of the time it takes.
  """

  number: int
  step: int | None
  delay: float


def plan(kind: str, count: int, seed: int) -> list[Kill]:
  """When a run is ended, all drawn from the seed."""
  rng = np.random.default_rng([seed, count, len(kind)])
  last = num_steps(kind, count) - _LAST_STEPS
  kills = []
  for step in np.sort(rng.integers(1, last, count, endpoint=True)):
    number = signal.SIGTERM
    if rng.random() < _KILL_SHARE:
      number = signal.SIGKILL
    starts = rng.random() < _START_SHARE
    delay = rng.random()
    kills.append(
      Kill(
        int(number),
        None if starts else int(step),
        float(delay if starts else _LONGEST_DELAY * delay),
      )
    )
  return kills


def num_steps(kind: str, count: int) -> int:
  """Of a run that is killed so often."""
  return _STEPS_PER_KILL[kind] * count + _LAST_STEPS


class Series:
  """All kills of one run, and what came of them."""

  def __init__(self, folder: pathlib.Path, kind: str, count: int, seed: int):
    """Finds out how far it is.

    Args:
      folder: of the soak.
      kind: "local" or "store".
      count: of kills.
      seed: of their moments.
    """
    self._top = folder
    self._folder = folder / f"{kind}-{count}-{seed}"
    self._folder.mkdir(exist_ok=True)
    self._kind = kind
    self._kills = plan(kind, count, seed)
    self._num_steps = num_steps(kind, count)
    self._log = self._folder / "log.txt"
    self._record = self._folder / "record.json"
    # For each kill: the step before it, the exit code, the seconds it took.
    self.done: list[dict] = []
    if self._record.exists():
      self.done = json.loads(self._record.read_text())
    self._start_seconds = 5.0
    self.workdir = os.fspath(self._folder / "run")
    if kind == _STORE:
      self.workdir = f"{object_store.ADDRESS}/{self._folder.name}"
    self._context = multiprocessing.get_context("forkserver")

  def run(self) -> str:
    """Kills the run until it may end, and compares.

    Returns:
      A row of a table.

    Raises:
      AssertionError: a run did what it should not.
    """
    straight = os.fspath(self._folder / "straight")
    if not (self._folder / "straight" / "generator.safetensors").exists():
      self._say("the run that is left alone")
      self._finish(straight, self._folder / "straight.txt")
    for i in range(len(self.done), len(self._kills)):
      begin = time.monotonic()
      outcome = self._one(self._kills[i])
      outcome["seconds"] = time.monotonic() - begin
      self.done.append(outcome)
      atomic.replace(self._record, json.dumps(self.done).encode())
      self._report()
    self._say("the end of the run")
    self._finish(self.workdir, self._log)
    compare(straight, self.workdir, self._num_steps)
    return self._row()

  def _start(self, workdir: str, log: pathlib.Path):
    log.unlink(missing_ok=True)
    process = self._context.Process(
      target=soak_run.run,
      args=(
        os.fspath(self._top / "inputs"),
        workdir,
        self._num_steps,
        os.fspath(log),
      ),
    )
    process.start()
    return process

  def _finish(self, workdir: str, log: pathlib.Path) -> None:
    process = self._start(workdir, log)
    process.join()
    self._expect(process.exitcode == 0, f"ended with {process.exitcode}", log)

  def _one(self, kill: Kill) -> dict:
    """Starts the run and ends it at its moment."""
    begin = time.monotonic()
    process = self._start(self.workdir, self._log)
    if kill.step is None:
      _wait(process, kill.delay * self._start_seconds)
    else:
      end = begin + _DEADLINE
      seen = None
      while process.is_alive() and (seen is None or seen < kill.step):
        self._expect(time.monotonic() < end, "does nothing", self._log)
        time.sleep(_POLL)
        if seen is None and soak_run.step_of(self._log) is not None:
          self._start_seconds = time.monotonic() - begin
        seen = soak_run.step_of(self._log)
      _wait(process, kill.delay)
    with contextlib.suppress(ProcessLookupError):  # it has just ended
      os.kill(process.pid, kill.number)
    process.join()
    first, stopped = (
      find(self._log) for find in (soak_run.first_step_of, soak_run.stopped_at)
    )
    last = self.done[-1] if self.done else {"stopped": None, "first": 0}
    if first is not None and last["stopped"] is not None:
      self._expect(
        first == last["stopped"],
        f"went on from step {first}, and had stopped at {last['stopped']}",
        self._log,
      )
    # Asked to stop before it listens, or when nothing is left to do.
    fine = {-kill.number, 0, 75 if stopped is not None else 0}
    self._expect(
      process.exitcode in fine, f"ended with {process.exitcode}", self._log
    )
    self._expect(
      process.exitcode != 0, "was at its end before the last kill", self._log
    )
    return {
      "signal": kill.number,
      "first": last["first"] if first is None else first,
      "step": soak_run.step_of(self._log),
      "stopped": last["stopped"] if first is None else stopped,
      "exit": process.exitcode,
    }

  def _expect(self, fine: bool, said: str, log: pathlib.Path) -> None:
    if not fine:
      text = log.read_text() if log.exists() else ""
      raise AssertionError(f"the run in {self.workdir} {said}:\n{text}")

  def _report(self) -> None:
    left = len(self._kills) - len(self.done)
    mean = sum(each["seconds"] for each in self.done) / len(self.done)
    eta = datetime.timedelta(seconds=round(left * mean))
    last = self.done[-1]
    name = signal.Signals(last["signal"]).name
    where = (
      "at its start" if last["step"] is None else f"at step {last['step']}"
    )
    self._say(
      f"{len(self.done)}/{len(self._kills)}, {name} {where} of"
      f" {self._num_steps}, {last['seconds']:.1f} s, ETA {eta}"
    )

  def _say(self, text: str) -> None:
    print(f"{self._kind}: {text}", flush=True)

  def _row(self) -> str:
    signals = [each["signal"] for each in self.done]
    starts = sum(each["step"] is None for each in self.done)
    seconds = round(sum(each["seconds"] for each in self.done))
    return (
      f"| {self._kind} | {signals.count(signal.SIGKILL)} |"
      f" {signals.count(signal.SIGTERM)} | {starts} | {self._num_steps} |"
      f" equal, bit for bit | {datetime.timedelta(seconds=seconds)} |"
    )


def _wait(process, seconds: float) -> None:
  end = time.monotonic() + seconds
  while process.is_alive() and time.monotonic() < end:
    time.sleep(_POLL)


def compare(straight: str, killed: str, steps: int) -> None:
  """Makes sure that two runs ended alike.

  Raises:
    AssertionError: their states, weights, or what they logged differ.
  """
  if (places.path(killed) / "damaged_checkpoints").exists():
    raise AssertionError("a checkpoint was found damaged")
  expected, actual = (
    runs.final_state(places.path(each), steps) for each in (straight, killed)
  )
  if expected.keys() != actual.keys():
    raise AssertionError("the checkpoints hold other arrays")
  for name, value in expected.items():
    np.testing.assert_array_equal(actual[name], value, err_msg=name)
  for name in ("generator.safetensors", "best_generator.safetensors"):
    ours, theirs = (
      (places.path(each) / name).read_bytes() for each in (killed, straight)
    )
    if ours != theirs:
      raise AssertionError(f"{name} differs")
  ours, theirs = (_logged(each) for each in (killed, straight))
  if ours != theirs:
    pairs = zip(ours, theirs, strict=False)
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    raise AssertionError(
      f"metrics.jsonl differs, of {len(ours)} and {len(theirs)} lines:"
      f" {differing[:1]}"
    )


def _logged(workdir: str) -> list[dict]:
  """All that is logged, but for how long it took."""
  text = (places.path(workdir) / "metrics.jsonl").read_text()
  return [
    {k: v for k, v in json.loads(line).items() if not k.startswith("speed/")}
    for line in text.splitlines()
  ]


def main() -> int:
  """Soaks as the arguments say."""
  parser = argparse.ArgumentParser(
    description=__doc__.splitlines()[0], allow_abbrev=False
  )
  parser.add_argument("folder", type=pathlib.Path)
  parser.add_argument("--local", type=int, default=100, help="kills")
  parser.add_argument("--store", type=int, default=20, help="kills, by address")
  parser.add_argument("--seed", type=int, default=0, help="of their moments")
  arguments = parser.parse_args()
  folder = arguments.folder.resolve()
  folder.mkdir(parents=True, exist_ok=True)
  os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "2",
    "JAX_COMPILATION_CACHE_DIR": os.fspath(folder / "compiled"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
  }
  if not (folder / "inputs" / "vgg19.safetensors").exists():
    soak_run.write_inputs(folder / "inputs")
  store = object_store.make(folder=os.fspath(folder / "bucket"))
  os.environ |= object_store.environment(store.server_address[1])
  threading.Thread(target=store.serve_forever, daemon=True).start()
  multiprocessing.set_forkserver_preload([soak_run.__name__])
  rows = []
  for kind, count in ((_LOCAL, arguments.local), (_STORE, arguments.store)):
    if count:
      rows.append(Series(folder, kind, count, arguments.seed).run())
  print(
    "\n| workdir | kill -9 | SIGTERM | of them at the start | steps | result |"
    " time |\n|---|---:|---:|---:|---:|---|---:|",
    *rows,
    sep="\n",
  )
  return 0


if __name__ == "__main__":
  sys.exit(main())
