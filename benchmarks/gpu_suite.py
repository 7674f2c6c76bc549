"""Measures all GPU cases in one call, in less than eight minutes.

  python benchmarks/gpu_suite.py --output=FILE.json

For a machine with JAX and PyTorch, but no internet access: it says at once what
is missing there. First, results are compared with those of the CPU. Then cases
are timed and profiled in the order of their importance until the time is up;
the file, which is written after each job, names those that were not measured.
Started again, it keeps what the file has, and does the rest. --tiny does all of
it on a CPU, to test this program; --list shows what there is to do.
"""

import argparse
import os
import pathlib
import signal
import sys
import tempfile
import time

_ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from benchmarks import (  # noqa: E402
  gpu_jobs,
  gpu_report,
  gpu_runner,
  machine,
  packages,
)
from srfeat_jax import errors  # noqa: E402

_LEAST = 20  # seconds that must be left to begin a job


def main() -> int:
  """Measures; returns 1 if a comparison with the CPU failed, else 0."""
  arguments = _parse()
  try:
    return _run(arguments)
  except errors.InputError as error:
    print(f"error: {error}", file=sys.stderr)
    return 1


def _parse() -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--output", required=True, help="JSON file to write")
  parser.add_argument("--seconds", type=float, default=450, help="total time")
  parser.add_argument(
    "--job_seconds", type=float, default=150, help="time for each job"
  )
  parser.add_argument(
    "--only", default="", help="names such as train/esrgan_b16, with commas"
  )
  parser.add_argument(
    "--again", default="", help="names to measure again, with commas"
  )
  parser.add_argument(
    "--beside",
    action="store_true",
    help="if the file is of another machine or versions, write another one",
  )
  parser.add_argument("--list", action="store_true", help="show, do nothing")
  parser.add_argument("--tiny", action="store_true", help="test this program")
  return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
  end = time.monotonic() + arguments.seconds
  jobs = _chosen(arguments.only)
  again = _chosen(arguments.again) if arguments.again else []
  _say_what_is_missing()
  environment = machine.describe()
  if not (arguments.tiny or arguments.list) and not environment["gpu"]:
    raise errors.InputError(
      "nvidia-smi shows no GPU here: go where one is, or try --tiny"
    )
  report = _open(
    pathlib.Path(arguments.output).resolve(), arguments, environment
  )
  if not arguments.list:
    report.write()  # before any time is spent
  failed = False
  # Programs that are compiled for one job are kept for the next.
  with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    for job in jobs:
      if report.has(job) and job not in again:
        print(f"kept     {job.name}", flush=True)
        continue
      if arguments.list:
        print(f"to do    {job.name} {' '.join(job.who)}")
        continue
      result = {"case": job.case, "error": "not measured: the time was up"}
      before = time.monotonic()
      if end - before > _LEAST:
        result = _do(job, arguments, end - before, pathlib.Path(folder))
      result["wall_s"] = time.monotonic() - before
      report.add(job, result)
      print(_line(job, result), flush=True)
      bad = "error" in result and not job.who and job.suite != "profile"
      failed = failed or bad
      if job.suite == "probe" and _lacks_gpu(result) and not arguments.tiny:
        raise errors.InputError(
          f"JAX finds no GPU, see {report.path}: nothing else was tried"
        )
  return 1 if failed else 0


def _chosen(names: str) -> list[gpu_jobs.Job]:
  """The jobs of these names, in their order; all for none."""
  wanted = set(filter(None, names.split(",")))
  known = {job.name for job in gpu_jobs.JOBS}
  for name in sorted(wanted - known):
    raise errors.InputError(
      f"there is no job {name}: expected some of {', '.join(sorted(known))}"
    )
  return [job for job in gpu_jobs.JOBS if not wanted or job.name in wanted]


def _say_what_is_missing() -> None:
  """Says so before any time is spent.

  Raises:
    errors.InputError: a package is missing without which there is no result.
  """
  if found := packages.missing(packages.NEEDED):
    raise errors.InputError(
      f"not installed here: {', '.join(found)}; install them, or where there"
      " are no downloads carry them as wheels, see benchmarks/README.md"
    )
  if found := packages.missing(packages.TO_TRAIN):
    print(
      f"not installed here: {', '.join(found)}; without them the training"
      " program itself is not tried, and all else is",
      flush=True,
    )


def _open(path, arguments, environment) -> gpu_report.Report:
  try:
    return gpu_report.Report(path, environment)
  except errors.InputError as error:
    if not arguments.beside:
      raise
    other = gpu_report.unused(path)
    print(f"{error}: writing {other}", flush=True)
    return gpu_report.Report(other, environment)


def _do(job, arguments, seconds: float, folder: pathlib.Path) -> dict:
  """Runs a job; Ctrl-C and SIGTERM end it with this program."""
  environment = {
    "JAX_PLATFORMS": "cpu" if arguments.tiny else "cuda,cpu",
    "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1",
    "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
  }
  if arguments.tiny:
    environment["CUDA_VISIBLE_DEVICES"] = ""
  command = [*job.command, *(["--tiny"] if arguments.tiny else [])]
  result = {"case": job.case}
  result |= gpu_runner.run(
    command, min(seconds, arguments.job_seconds), folder, environment
  )
  result["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
  return result


def _lacks_gpu(result: dict) -> bool:
  """Whether JAX says in a probe that there is no GPU that it can use."""
  refused = "initialize backend" in result.get("error", "")
  return refused or result.get("jax_on_gpu") is False


def _line(job: gpu_jobs.Job, result: dict) -> str:
  parts = [f"{result['wall_s']:5.0f} s  {job.name}"]
  if "error" in result:
    parts.append(result["error"].strip().splitlines()[-1][:200])
  rows = result.get("rows") or result.get("network")
  if job.who:
    parts += [
      f"{who} {row['per_s']:.1f}/s" for who, row in (rows or {}).items()
    ]
    parts += [f"{who} {result[who]}"[:200] for who in job.who if who in result]
  elif rows:
    parts += [
      f"{row['case']} {row['format']} {row.get('error', row.get('said'))}"
      for row in rows
    ]
  if "kinds" in result:
    parts += [
      f"{kind} {each['share']:.0%}" for kind, each in result["kinds"].items()
    ]
  return "  ".join(parts)


if __name__ == "__main__":
  # So that a job is ended, too, when this program is.
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
  os.environ["PYTHONUNBUFFERED"] = "1"
  sys.exit(main())
