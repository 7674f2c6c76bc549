"""Runs a job of `gpu_suite` in a process of its own, for a limited time."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_GRACE = 5  # seconds from SIGTERM to SIGKILL


def run(
  command: Sequence[str],
  seconds: float,
  folder: pathlib.Path,
  environment: Mapping[str, str],
) -> dict:
  """Runs a module that writes JSON to the file that --output names.

  It and all that it has started are ended when the time is up, or if this
  program is.

  Args:
    command: the module and its flags.
    seconds: the limit.
    folder: for what it writes.
    environment: variables to set.

  Returns:
    What it wrote, even if it came to no end; then with an "error".
  """
  output, log = folder / "result.json", folder / "log.txt"
  output.unlink(missing_ok=True)
  with log.open("w") as file:
    process = subprocess.Popen(
      [sys.executable, "-m", *command, f"--output={output}"],
      cwd=_ROOT,
      env=os.environ | environment,
      stdin=subprocess.DEVNULL,
      stdout=file,
      stderr=subprocess.STDOUT,
      start_new_session=True,
    )
    status = 0
    try:
      status = process.wait(seconds)
      said = f"ended with status {status}" if status else ""
    except subprocess.TimeoutExpired:
      said = f"not measured: stopped after {seconds:.0f} s"
    finally:
      _end(process)
  result = {}
  if output.exists():
    with contextlib.suppress(ValueError):  # stopped while it wrote
      result = json.loads(output.read_text())
  if not result and not said:
    said = "it wrote no result"
  if said:
    bad = [row for row in result.get("rows", []) if _is_bad(row)]
    text = log.read_text(errors="replace").strip()[-2000:]
    if bad:
      said = f"the check failed: {bad}"
    elif text and status:
      said = text
    result["error"] = said
  return result


def _is_bad(row) -> bool:
  return isinstance(row, dict) and row.get("good") is False


def _end(process: subprocess.Popen) -> None:
  """Ends the process group, of which perhaps only children are left."""
  for number in (signal.SIGTERM, signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
      os.killpg(process.pid, number)
    with contextlib.suppress(subprocess.TimeoutExpired):
      process.wait(_GRACE)
