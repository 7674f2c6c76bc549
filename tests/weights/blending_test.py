"""Network interpolation: as a function, as a file, as flags, as a sweep."""

import json
import pathlib
import sys
import unittest

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors, models
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.weights import blending, lookup
from tests.support import paths, runs

_GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 1,
  "initializer": "uniform",
}


class BlendTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.create_tempdir())
    self.first = self._save("first", _GENERATOR, seed=0)
    self.second = self._save("second", _GENERATOR, seed=1)

  def _save(self, name: str, generator: dict, seed: int) -> str:
    path = self.folder / f"{name}.safetensors"
    init = models.build(generator).init
    variables = init(jax.random.key(seed), jnp.zeros((1, 8, 8, 3)))
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

  @parameterized.parameters(0.0, 0.3, 1.0)
  def test_every_array_is_interpolated(self, alpha):
    blended = blending.blend(self.first, self.second, alpha)
    self.assertEqual(blended.generator, _GENERATOR)
    ends = (lookup.load(p).variables for p in (self.first, self.second))
    jax.tree.map(
      lambda x, a, b: np.testing.assert_allclose(
        x, (1 - alpha) * a + alpha * b, rtol=1e-6
      ),
      blended.variables,
      *ends,
    )
    self.assertIn("batch_stats", blended.variables)

  @parameterized.parameters(-0.1, 1.1, float("nan"))
  def test_alpha_outside(self, alpha):
    with self.assertRaisesRegex(errors.InputError, "alpha is .* from 0.* to 1"):
      blending.blend(self.first, self.second, alpha)

  def test_different_architectures(self):
    other = self._save("other", _GENERATOR | {"num_blocks": 2}, seed=0)
    with self.assertRaisesRegex(
      errors.InputError,
      "cannot be blended.*num_blocks is 1 and 2; .*missing: .*blocks_1",
    ):
      blending.blend(self.first, other, 0.5)

  def test_same_shapes_of_another_function(self):
    other = self._save("other", _GENERATOR | {"tanh": True}, seed=0)
    with self.assertRaisesRegex(
      errors.InputError, "different architectures: tanh is False and True$"
    ):
      blending.blend(self.first, other, 0.5)

  def test_what_does_not_matter(self):
    change = {"dtype": "bfloat16", "initializer": "normal", "tanh": False}
    other = self._save("other", _GENERATOR | change, seed=1)
    blended = blending.blend(self.first, other, 0.5)
    self.assertEqual(blended.generator, _GENERATOR)

  def test_file_and_flags_agree(self):
    picture = self.folder / "in.png"
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    file = str(self.folder / "blend.safetensors")
    self._run(
      "convert", "blend", self.first, self.second, "--alpha=0.3",
      f"--output={file}",
    )  # fmt: skip
    by_file, by_flags = (self.folder / f"{i}.png" for i in range(2))
    self._run(
      "upscale", str(picture), f"--weights={file}", f"--output={by_file}"
    )
    self._run(
      "upscale", str(picture), f"--weights={self.first}",
      f"--blend={self.second}", "--alpha=0.3", f"--output={by_flags}",
    )  # fmt: skip
    np.testing.assert_array_equal(Image.open(by_file), Image.open(by_flags))

  def test_flags_that_do_not_fit(self):
    Image.new("RGB", (4, 4)).save(self.folder / "a.png")
    common = ("upscale", str(self.folder), f"--output={self.folder / 'out'}")
    for flags, message in (
      ((f"--weights={self.first}", "--alpha=0.3"), "blend and alpha"),
      (
        ("--weights=bicubic", f"--blend={self.first}", "--alpha=1"),
        "bicubic has no weights",
      ),
    ):
      with self.subTest(message):
        self.assertIn(message, self._fail(*common, *flags))

  @parameterized.parameters(
    (("--alphas=",), "--alphas=: expected numbers from 0 to 1"),
    (("--alphas=0,x",), "--alphas=0,x: expected numbers"),
    (("--alphas=0,1.5",), "--alphas=0,1.5: expected numbers"),
    (("third",), "two weights are blended, and 3 are named"),
    ((), "cannot be blended"),
  )
  def test_sweep_that_cannot_be(self, more, message):
    other = self._save("other", _GENERATOR | {"tanh": True}, seed=0)
    output = self.folder / "sweep"
    # The weights are looked at before anything that is missing here.
    printed = self._fail(
      "sweep", self.first, other, *more, "--benchmarks=nowhere",
      "--lpips_weights=nowhere", f"--output={output}",
    )  # fmt: skip
    self.assertIn(message, printed)
    self.assertFalse(output.exists())

  def test_sweep_over_sets_that_are_not_there(self):
    output = self.folder / "sweep"
    printed = self._fail(
      "sweep", self.first, self.second, "--benchmarks=nowhere",
      "--lpips_weights=nowhere", f"--output={output}",
    )  # fmt: skip
    self.assertIn("nowhere", printed)
    self.assertFalse(output.exists())

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_sweep(self):
    hr = self.folder / "sets" / "Tiny" / "HR"
    hr.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(hr / "noise.png")
    output = self.folder / "sweep"
    printed = self._run(
      "sweep", self.first, self.second, f"--benchmarks={hr.parent.parent}",
      f"--lpips_weights={paths.DATA / 'weights' / 'lpips_squeeze_v0.1.npz'}",
      "--alphas=0,1", f"--output={output}",
    )  # fmt: skip
    points = json.loads((output / "sweep.json").read_text())
    self.assertEqual([point["alpha"] for point in points], [0, 1])
    for point in points:
      self.assertIn(f"LPIPS {point['lpips']:.4f}", printed)
    self.assertNotEqual(points[0]["lpips"], points[1]["lpips"])
    self.assertGreater(Image.open(output / "sweep.png").width, 300)


if __name__ == "__main__":
  absltest.main()
