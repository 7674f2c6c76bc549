"""Two generators to blend, as files."""

import pathlib
import sys

import jax
from absl.testing import parameterized

from srfeat_jax import models
from srfeat_jax.interchange.containers import safetensors_file
from tests.support import runs

GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 1,
  "initializer": "uniform",
}


class BlendTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.create_tempdir())
    self.first = self._save("first", GENERATOR, seed=0)
    self.second = self._save("second", GENERATOR, seed=1)

  def _save(self, name: str, generator: dict, seed: int) -> str:
    path = self.folder / f"{name}.safetensors"
    variables = models.init(models.build(generator), jax.random.key(seed))
    safetensors_file.save(path, generator, variables)
    return str(path)

  def _start(self, program: str, *arguments: str):
    return runs.start(
      [sys.executable, "-m", f"srfeat_jax.{program}", *arguments]
    )

  def _run(self, program: str, *arguments: str) -> str:
    return runs.finish(self._start(program, *arguments))

  def _fail(self, program: str, *arguments: str) -> str:
    process = self._start(program, *arguments)
    output, _ = process.communicate(timeout=120)
    self.assertNotEqual(process.returncode, 0, output)
    self.assertNotIn("Traceback", output)
    return output
