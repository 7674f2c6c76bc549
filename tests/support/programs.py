"""Running the programs of the package as users do."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np

from srfeat_jax import models
from srfeat_jax.image_io import images
from srfeat_jax.interchange.containers import safetensors_file
from tests.support import image_files, paths

GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 1,
  "residual_base": "bicubic",
}


def run(*arguments, **options) -> subprocess.CompletedProcess:
  """Runs `python -m srfeat_jax.<first argument>`, or Python code."""
  program, *rest = map(str, arguments)
  start = (
    ["-c", program] if "\n" in program else ["-m", f"srfeat_jax.{program}"]
  )
  return subprocess.run(
    [sys.executable, *start, *rest],
    cwd=paths.REPOSITORY,
    env=os.environ | {"JAX_PLATFORMS": "cpu"} | options.pop("env", {}),
    capture_output=True,
    text=True,
    check=False,
    **options,
  )


# Forks a process for each case, so that JAX is imported once for all of them.
_EACH = """
import importlib, json, os, sys, tempfile
from srfeat_jax import cli
from srfeat_jax.evaluation import evaluator
from srfeat_jax.upscaling import upscaler_factory
program = importlib.import_module(sys.argv[1])
results = []
for arguments in json.loads(sys.argv[2]):
  with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
    child = os.fork()
    if not child:
      os.dup2(out.fileno(), 1)
      os.dup2(err.fileno(), 2)
      sys.argv = [sys.argv[1], *arguments]
      cli.run(program.main)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for file in (out, err):
      file.seek(0)
      texts.append(file.read())
    results.append([status, *texts])
print(json.dumps(results))
"""


def run_each(name: str, cases, **options) -> list[subprocess.CompletedProcess]:
  """As `run`, for several lists of arguments, in much less time."""
  texts = json.dumps([list(map(str, case)) for case in cases])
  result = run(_EACH, f"srfeat_jax.{name}", texts, **options)
  if result.returncode:
    raise RuntimeError(result.stderr)
  return [
    subprocess.CompletedProcess(case, *each)
    for case, each in zip(
      cases, json.loads(result.stdout.splitlines()[-1]), strict=True
    )
  ]


def image(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


class ProgramTestCase(image_files.FolderTestCase):
  def assert_fails(self, result: subprocess.CompletedProcess, *parts: str):
    """One sentence with the parts, status 1 and no traceback."""
    self.assertEqual(result.returncode, 1, result.stderr)
    self.assertLen(result.stderr.splitlines(), 1, result.stderr)
    self.assertStartsWith(result.stderr, "error: ")
    for part in parts:
      self.assertIn(part, result.stderr)

  def write(self, name: str, *shape: int) -> pathlib.Path:
    path = self.folder / name
    images.write(path, image(*shape))
    return path

  def weights(self, scale: int = 4) -> pathlib.Path:
    """Writes a small generator's weights."""
    config = GENERATOR | {"scale": scale}
    generator = models.build(config)
    variables = models.init(generator, jax.random.key(0))
    path = self.folder / "weights" / "small.safetensors"
    path.parent.mkdir()
    safetensors_file.save(path, config, variables)
    return path
