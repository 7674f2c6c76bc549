"""Measures all GPU cases in one call, in less than eight minutes.

  python benchmarks/gpu_suite.py --output=FILE.json

For a machine that has JAX, flax, optax and PyTorch, but no other package that
this project needs, and no internet access. First, the results are compared with
those of the CPU. Then cases are timed and profiled in the order of their
importance until the time is up; the file, which is written after each case,
names those that were not measured. --tiny does all of it on a CPU, to test this
program.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

_ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from benchmarks import machine  # noqa: E402

_RUN = ("benchmarks.run", "--in_process", "--repeats=7", "--count=5")
_TRAIN = (*_RUN, "--suite=train")
_INFER = (*_RUN, "--suite=infer")
# The most important first: each compiled peer takes a minute to compile.
_JOBS = (
  ("check", "check", ("benchmarks.check",)),
  ("train", "srfeat_pretrain_b16", (*_TRAIN, "--who=ours,eager,compiled")),
  ("train", "srfeat_gan_b16", (*_TRAIN, "--who=ours,eager,compiled")),
  ("profile", "srfeat_pretrain_b16", ("benchmarks.step_profile",)),
  ("profile", "srfeat_gan_b16", ("benchmarks.step_profile",)),
  ("train", "srfeat_gan_b5", (*_TRAIN, "--who=ours,eager")),
  ("train", "esrgan_b16", (*_TRAIN, "--who=ours,eager")),
  ("train", "srgan_b16", (*_TRAIN, "--who=ours,eager")),
  ("infer", "srfeat_1280x720", (*_INFER, "--who=ours,eager,compiled")),
  ("infer", "esrgan_1280x720", (*_INFER, "--who=ours,eager")),
  ("train", "srfeat_pretrain_b9", (*_TRAIN, "--who=ours,eager")),
  ("train", "srfeat_gan_b9", (*_TRAIN, "--who=ours,eager")),
  ("infer", "srfeat_1920x1080", (*_INFER, "--who=ours,eager")),
  ("infer", "srresnet_1920x1080", (*_INFER, "--who=ours,eager")),
  ("infer", "srfeat_lite_1920x1080", (*_INFER, "--who=ours,eager")),
  ("train", "srfeat_lite_pretrain_b16", (*_TRAIN, "--who=ours,eager")),
)
_LEAST = 20  # seconds that must be left to begin a job
_MOST = 120  # seconds that a job may take


def main() -> int:
  """Measures; returns 1 if the comparison with the CPU failed, else 0."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--output", required=True, help="JSON file to write")
  parser.add_argument("--seconds", type=float, default=450, help="total time")
  parser.add_argument(
    "--only", default="", help="names such as train/esrgan_b16, with commas"
  )
  parser.add_argument("--tiny", action="store_true", help="test this program")
  arguments = parser.parse_args()
  end = time.monotonic() + arguments.seconds
  output = pathlib.Path(arguments.output).resolve()
  output.parent.mkdir(parents=True, exist_ok=True)
  only = set(filter(None, arguments.only.split(",")))
  suites = {}
  report = {"environment": machine.describe(), "suites": suites}
  good = True
  # Programs that are compiled for one job are kept for the next.
  with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
    for suite, case, command in _JOBS:
      if only and f"{suite}/{case}" not in only:
        continue
      before = time.monotonic()
      result = {"case": case, "error": "not measured: the time was up"}
      if end - before > _LEAST:
        flags = [] if suite == "check" else [f"--case={case}"]
        flags += ["--tiny"] if arguments.tiny else []
        result = {"case": case}
        result |= _run([*command, *flags], min(end - before, _MOST), cache)
      result["wall_s"] = time.monotonic() - before
      suites.setdefault(suite, []).append(result)
      output.write_text(json.dumps(report, indent=1) + "\n")
      print(_line(suite, case, result), flush=True)
      good = good and not (suite == "check" and "error" in result)
  return 0 if good else 1


def _run(command: list[str], seconds: float, cache: str) -> dict:
  """Runs a program that writes JSON, and returns its result."""
  environment = {
    "JAX_COMPILATION_CACHE_DIR": cache,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1",
    "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
  }
  output = pathlib.Path(cache) / "result.json"
  output.unlink(missing_ok=True)
  try:
    done = subprocess.run(
      [sys.executable, "-m", *command, f"--output={output}"],
      cwd=_ROOT,
      env=os.environ | environment,
      capture_output=True,
      text=True,
      timeout=seconds,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return {"error": "not measured: the time was up"}
  result = json.loads(output.read_text()) if output.exists() else {}
  if done.returncode:
    bad = [row for row in result.get("rows", []) if not row.get("good", True)]
    said = done.stderr[-2000:] or f"ended with status {done.returncode}"
    result["error"] = f"the check failed: {bad}" if bad else said
  return result


def _line(suite: str, case: str, result: dict) -> str:
  parts = [f"{result['wall_s']:5.0f} s  {suite}/{case}"]
  if "error" in result:
    parts.append(result["error"].strip().splitlines()[-1][:200])
  rows = result.get("rows") or result.get("network")
  if suite in ("train", "infer") and rows:
    parts += [f"{who} {row['per_s']:.1f}/s" for who, row in rows.items()]
  if "kinds" in result:
    parts += [
      f"{kind} {each['share']:.0%}" for kind, each in result["kinds"].items()
    ]
  return "  ".join(parts)


if __name__ == "__main__":
  sys.exit(main())
