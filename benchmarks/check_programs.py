"""Checks that the programs give on a GPU what they give on the CPU.

  python -m benchmarks.check_programs --output=FILE.json

`srfeat_jax.upscale` with weights of the package upscales two scenes in either
format, and `srfeat_jax.main` trains a small network on embedded scenes, saves
and resumes; each in a process of its own on either device, as users run them.
The exit status is 1 if results differ by more than rounding explains. Training
is left out, and said to be, where the packages are missing that it needs.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
from absl import flags
from PIL import Image

from benchmarks import packages
from srfeat_jax import atomic, cli
from srfeat_jax.data import synthetic

_TINY = flags.DEFINE_bool("tiny", False, "a small image, few steps")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write")

_ROOT = pathlib.Path(__file__).resolve().parents[1]
# By format: levels of 255 that a pixel may differ by, and on average.
_LEVELS = {"float32": (1, 0.01), "bfloat16": (24, 1.0)}
# Relative to the CPU's, of losses in the first steps, where rounding has not
# yet led the runs apart, and of the PSNR in dB at the end.
_LOSS, _PSNR = 2e-2, 0.3


def main(argv) -> int:
  """Checks both programs; returns the exit status."""
  del argv
  report = {"rows": []}
  # A CPU in the place of the GPU, where this tests itself.
  platform = "cpu" if _TINY.value else "cuda,cpu"
  with tempfile.TemporaryDirectory() as folder:
    for check in (_upscaling, _training):
      for row in check(pathlib.Path(folder), platform):
        report["rows"].append(row)
        print(json.dumps(row), flush=True)
        if _OUTPUT.value:
          text = json.dumps(report, indent=1) + "\n"
          atomic.replace(_OUTPUT.value, text.encode())
  return 0 if all(row["good"] is not False for row in report["rows"]) else 1


def _upscaling(folder: pathlib.Path, platform: str):
  """Yields a row for each format."""
  lr = folder / "lr"
  lr.mkdir()
  for index, size in enumerate((48, 40) if _TINY.value else (480, 270)):
    scene = synthetic.scene(index, size)
    Image.fromarray(scene).save(lr / f"{index}.png")
  for precision, tolerances in _LEVELS.items():
    row = {"case": "upscale srfeat-lite", "format": precision, "good": False}
    # What is compared with is float32 on the CPU.
    runs = {"cpu": ("float32", "cpu"), "gpu": (precision, platform)}
    outputs = {name: folder / f"{precision}_{name}" for name in runs}
    command = ("srfeat_jax.upscale", str(lr), "--weights=srfeat-lite")
    said = _run_all(
      {
        name: (
          (*command, f"--precision={each}", f"--output={outputs[name]}"),
          where,
        )
        for name, (each, where) in runs.items()
      }
    )
    if said:
      yield row | {"said": said}
      continue
    differences = np.concatenate(
      [
        np.abs(_levels(each) - _levels(outputs["gpu"] / each.name)).ravel()
        for each in outputs["cpu"].rglob("*.png")
      ]
    )
    row["error"] = float(differences.max())
    row["mean_error"] = float(differences.mean())
    most, mean = tolerances
    good = row["error"] <= most and row["mean_error"] <= mean
    yield row | {"good": good, "worst": "levels of 255"}


def _levels(path: pathlib.Path) -> np.ndarray:
  return np.asarray(Image.open(path), np.float32)


def _training(folder: pathlib.Path, platform: str):
  """Yields a row for the run itself, and one for its being resumed."""
  row = {"case": "main quickstart", "format": "float32"}
  missing = packages.missing(packages.TO_TRAIN)
  if missing:
    yield row | {
      "good": None,
      "said": f"not tried: not installed: {', '.join(missing)}",
    }
    return
  steps = 4 if _TINY.value else 40
  command = ["srfeat_jax.main", "--config=configs/quickstart.py"]
  fields = {
    "num_steps": steps,
    "log_every": steps // 4,
    "eval_every": steps,
    "checkpoint_every": steps,
    "matmul_precision": "float32",
  }
  if _TINY.value:
    fields |= {"batch_size": 2, "crop_size": 32, "generator.features": 4}
  command += [f"--config.{name}={value}" for name, value in fields.items()]
  runs = {
    name: ((*command, f"--workdir={folder / name}"), where)
    for name, where in (("cpu", "cpu"), ("gpu", platform))
  }
  if said := _run_all(runs):
    yield row | {"good": False, "said": said}
    return
  yield row | _compare(*(_metrics(folder / name) for name in ("gpu", "cpu")))
  # The same command again has nothing left to do, and knows it.
  again = _run_all({"gpu": runs["gpu"]})
  weights = (folder / "gpu" / "generator.safetensors").is_file()
  yield row | {
    "case": "main quickstart, again",
    "good": weights and not again,
    "said": again or "resumed at its last step",
  }


def _metrics(workdir: pathlib.Path) -> dict[str, list[float]]:
  """All that a run has logged, by name."""
  found: dict[str, list[float]] = {}
  for line in (workdir / "metrics.jsonl").read_text().splitlines():
    for name, value in json.loads(line).items():
      if isinstance(value, int | float):
        found.setdefault(name, []).append(value)
  return found


def _compare(found: Mapping, reference: Mapping) -> dict:
  """The largest differences of losses and of PSNR."""
  worst, error, good = "", 0.0, True
  for name, values in reference.items():
    if name.startswith("loss/"):
      tolerance, scale = _LOSS, values[0]
    elif "psnr" in name:
      tolerance, scale = _PSNR, 1.0
    else:
      continue
    pairs = zip(found[name], values, strict=True)
    difference = max(abs(a - b) for a, b in pairs) / scale
    good = good and difference <= tolerance
    if not worst or not difference <= error:
      worst, error = name, difference
  return {"good": good and bool(worst), "worst": worst, "error": error}


def _run_all(runs: Mapping[str, tuple[Sequence[str], str]]) -> str:
  """Runs commands side by side; returns what those said that failed.

  Args:
    runs: by name, module and flags, and JAX's platforms.
  """
  processes = {
    name: subprocess.Popen(
      [sys.executable, "-m", *command],
      cwd=_ROOT,
      env=os.environ | {"JAX_PLATFORMS": platforms},
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for name, (command, platforms) in runs.items()
  }
  said = []
  for name, process in processes.items():
    text, _ = process.communicate()
    if process.returncode:
      said.append(f"{name}: {text.strip()[-500:]}")
  return "; ".join(said)


if __name__ == "__main__":
  cli.run(main)
