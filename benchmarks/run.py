"""Measures speed and memory, next to PyTorch and ONNX Runtime.

  python -m benchmarks.run --suite=train --batch=1 --output=FILE.json
  python -m benchmarks.run --suite=infer --case=srfeat_lite_480x270

Ours and its peers take turns in one process for each case, so that cases do not
share their peak memory; the file is written after each case.
benchmarks/README.md explains the results.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Before JAX is imported, because PyTorch needs memory of the GPU too.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

from absl import flags

from benchmarks import cases, machine, train_suite
from srfeat_jax import atomic, cli, errors

_PEERS = {
  "train": ("ours", "eager", "compiled"),
  "infer": ("ours", "eager", "compiled", "onnx"),
}
_SUITE = flags.DEFINE_enum(
  "suite",
  None,
  ["train", "profile", "infer", "files", "data", "start"],
  "what to measure",
)
_CASE = flags.DEFINE_list(
  "case", [], "names of cases, see cases.py; none: all of the suite"
)
_WHO = flags.DEFINE_list(
  "who", [], "some of ours, eager, compiled, onnx; none: all"
)
_DEVICE = flags.DEFINE_enum(
  "device", None, ["cpu", "gpu"], "by default a GPU if there is one"
)
_DTYPE = flags.DEFINE_enum(
  "dtype",
  None,
  ["float32", "bfloat16"],
  "of all networks; by default bfloat16 on a GPU, float32 elsewhere",
)
_BATCH = flags.DEFINE_integer(
  "batch", 0, "train, profile: instead of the case's"
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "turns", lower_bound=1)
_COUNT = flags.DEFINE_integer(
  "count", None, "steps or images per turn; by default 10 on a GPU, else 1"
)
_SECONDS = flags.DEFINE_float("seconds", 5.0, "data: how long each is measured")
_THREADS = flags.DEFINE_integer(
  "threads", 0, "of PyTorch and ONNX Runtime; 0: their default"
)
_MEMORY = flags.DEFINE_bool(
  "memory", True, "on a CPU: measure memory too, in other processes"
)
_TINY = flags.DEFINE_bool(
  "tiny", False, "shrink everything, to test this program"
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")
_IN_PROCESS = flags.DEFINE_bool(
  "in_process", False, "measure one case in this process: used by itself"
)
flags.mark_flag_as_required("suite")


def main(argv) -> None:
  """Measures as the flags say."""
  del argv
  if _DEVICE.value:
    platforms = {"cpu": "cpu", "gpu": "cuda,cpu"}
    os.environ["JAX_PLATFORMS"] = platforms[_DEVICE.value]
    if _DEVICE.value == "cpu":
      os.environ["CUDA_VISIBLE_DEVICES"] = ""
  if _IN_PROCESS.value:
    result = _measure_here(_CASE.value[0])
    _write(result)
    if len(_WHO.value) > 1 or _REPEATS.value > 1:  # else memory is measured
      result["ceiling"] = machine.matmul_ceiling(result["dtype"], _TINY.value)
      _write(result)
    return
  report = {"environment": machine.describe(), "suites": {}}
  report["options"] = {
    name: flags.FLAGS[name].value
    for name in ("device", "dtype", "batch", "repeats", "count", "threads")
  }
  suite = _SUITE.value
  results = report["suites"][suite] = []
  if suite == "data":
    from benchmarks import data_suite

    results += data_suite.measure(_SECONDS.value, _REPEATS.value, _TINY.value)
  elif suite == "files":
    from benchmarks import files_suite

    results += files_suite.measure(_REPEATS.value, _TINY.value)
  elif suite == "start":
    from benchmarks import start_suite

    results += start_suite.measure(_REPEATS.value, _TINY.value)
  else:
    measure = _profile if suite == "profile" else _measure
    for case in _cases(suite):
      results.append(measure(suite, case))
      _write(report)
      print(json.dumps(results[-1]), flush=True)
    return
  _write(report)
  for result in results:
    print(json.dumps(result))


def _cases(suite: str) -> list[str]:
  existing = cases.INFER if suite == "infer" else cases.TRAIN
  for name in _CASE.value:
    if name not in existing:
      raise errors.InputError(
        f"--case={name}: expected some of {', '.join(existing)}"
      )
  if suite == "profile":
    for name in ("who", "dtype", "repeats", "count", "threads"):
      if flags.FLAGS[name].present:
        raise errors.InputError(
          f"--{name} has no effect on --suite=profile: leave it out"
        )
  chosen = _CASE.value or list(existing)
  for who in _WHO.value:
    if who not in _PEERS[suite]:
      raise errors.InputError(
        f"--who={who}: expected some of {', '.join(_PEERS[suite])}"
      )
    for case in chosen:
      if who not in _comparable(suite, case):
        raise errors.InputError(
          f"--who={who}: there is no {case} but ours: leave out the one or the"
          " other"
        )
  return chosen


def _comparable(suite: str, case: str) -> tuple[str, ...]:
  """Who can be measured."""
  alone = suite == "train" and not cases.TRAIN[case].has_peer
  return ("ours",) if alone else _PEERS[suite]


def _measure(suite: str, case: str) -> dict:
  """Measures a case in another process, and on a CPU the memory of each."""
  who = _WHO.value or list(_comparable(suite, case))
  try:
    result = _child(suite, case, who)
  except RuntimeError as error:
    return {"case": case, "error": str(error)}
  if result["device"] == "cpu" and _MEMORY.value:
    result["peak_bytes"] = {}
    for each in who:
      with contextlib.suppress(RuntimeError):  # reported above
        alone = _child(suite, case, [each], "--repeats=1")
        result["peak_bytes"][each] = alone["host_peak_bytes"]
  return result


def _profile(suite: str, case: str) -> dict:
  """Profiles a case in another process."""
  del suite
  own = [f"--case={case}", f"--batch={_BATCH.value}"]
  if _TINY.value:
    own.append("--tiny")
  try:
    return _result_of(["benchmarks.step_profile", *own])
  except RuntimeError as error:
    return {"case": case, "error": str(error)}


def _child(suite: str, case: str, who: list[str], *more: str) -> dict:
  own = [
    *(f"--suite={suite}", f"--case={case}", f"--who={','.join(who)}"),
    *("--in_process", *more),
  ]
  replaced = {each.lstrip("-").partition("=")[0] for each in own} | {"output"}
  passed_on = [
    flags.FLAGS[name].serialize()
    for name in flags.FLAGS
    if flags.FLAGS[name].present and name not in replaced
  ]
  return _result_of(["benchmarks.run", *passed_on, *own])


def _result_of(program: list[str]) -> dict:
  """Runs a module with flags; returns what it writes to --output.

  Raises:
    RuntimeError: it writes nothing.
  """
  with tempfile.TemporaryDirectory() as folder:
    output = pathlib.Path(folder) / "result.json"
    command = [sys.executable, "-m", *program, f"--output={output}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not output.exists():
      status = f"ended with status {done.returncode}"
      raise RuntimeError(done.stderr.strip()[-1000:] or status)
    return json.loads(output.read_text())


def _measure_here(case: str) -> dict:
  from benchmarks import infer_suite

  gpu = machine.on_gpu()
  options = train_suite.Options(
    who=tuple(_WHO.value),
    dtype=_DTYPE.value or ("bfloat16" if gpu else "float32"),
    batch_size=_BATCH.value,
    repeats=_REPEATS.value,
    count=_COUNT.value or (10 if gpu else 1),
    threads=_THREADS.value,
    tiny=_TINY.value,
  )
  suite = {"train": train_suite, "infer": infer_suite}[_SUITE.value]
  result = suite.measure(case, options)
  result["device"] = "gpu" if gpu else "cpu"
  result["host_peak_bytes"] = machine.peak_host_bytes()
  return result


def _write(content: dict) -> None:
  if _OUTPUT.value:
    text = json.dumps(content, indent=1) + "\n"
    atomic.replace(_OUTPUT.value, text.encode())


if __name__ == "__main__":
  cli.run(main)
