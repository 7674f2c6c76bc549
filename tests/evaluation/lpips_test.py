"""LPIPS of pairs of images, in the programs, and with its published weights."""

import functools
import json
import os
import subprocess
import sys
import unittest

import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.evaluation import evaluator, lpips, protocol, report
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import lpips_file
from srfeat_jax.ops import resize
from tests.support import image_files, lpips_files, paths
from tests.support.torch_networks import torch_lpips

_BACKBONES = ("squeeze", "alex", "vgg")


def _pairs(*shape: int, seed: int) -> list[torch.Tensor]:
  """Two batches [n, 3, H, W] in [0, 1]."""
  torch.manual_seed(seed)
  return [torch.rand(shape), torch.rand(shape)]


class MetricTest(image_files.FolderTestCase):
  def noise(self, *shape: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)

  def test_equal_images(self):
    metric = lpips.Metric(*lpips_files.random("squeeze"))
    image = self.noise(50, 61, 3)
    self.assertAlmostEqual(metric(image, image), 0, delta=1e-12)

  def test_levels_and_gray(self):
    metric = lpips.Metric(*lpips_files.random("squeeze"))
    a, b = self.noise(2, 40, 44)
    pairs = [
      torch.from_numpy(x / np.float32(255)).expand(1, 3, -1, -1) for x in (a, b)
    ]
    expected = torch_lpips.distance("squeeze", *(2 * x - 1 for x in pairs))
    self.assertAlmostEqual(metric(a, b), expected.item(), delta=1e-5)
    rgb = [np.repeat(x[..., None], 3, axis=-1) for x in (a, b)]
    self.assertAlmostEqual(metric(*rgb), expected.item(), delta=1e-5)

  def test_in_results(self):
    for name in ("a", "b"):
      images.write(self.folder / f"S/HR/{name}.png", self.noise(40, 44, 3))
    images.write(self.folder / "S/HR/gray.png", self.noise(40, 44))
    sets = protocol.MATLAB.load(self.folder)
    metric = lpips.Metric(*lpips_files.random("squeeze"))
    without = evaluator.evaluate(upscaler.bicubic, sets)
    results = evaluator.evaluate(upscaler.bicubic, sets, lpips=metric)
    self.assertEqual(results.pop("lpips"), metric.description)
    values = [
      each.pop("lpips") for each in results["sets"]["S"]["images"].values()
    ]
    mean = results["sets"]["S"].pop("lpips")
    self.assertAlmostEqual(mean, sum(values) / 3)
    self.assertGreater(min(values), 0)
    # Nothing else differs.
    self.assertEqual(results, without)

  def test_in_reports(self):
    scores = {"psnr_y": 28.416, "lpips": 0.12341}
    results = {
      "weights": "x",
      "protocol": {"name": "matlab", "description": "rules", "scale": 4},
      "lpips": "LPIPS, lower is better",
      "sets": {"S": {**scores, "images": {"a": scores}}},
    }
    self.assertIn("28.42  0.1234", report.table(results))
    page = report.markdown(results)
    self.assertIn("`lpips`: LPIPS, lower is better.", page)
    self.assertIn("| a | x | 28.42 | 0.1234 |", page)

  def test_too_small_an_image_is_named(self):
    images.write(self.folder / "S/HR/tiny.png", self.noise(20, 24, 3))
    sets = protocol.MATLAB.load(self.folder)
    metric = lpips.Metric(*lpips_files.random("alex"))
    with self.assertRaisesRegex(
      errors.InputError, r"S tiny: LPIPS \(alex\) needs 31 x 31"
    ):
      evaluator.evaluate(upscaler.bicubic, sets, lpips=metric)


class ProgramsTest(image_files.FolderTestCase):
  def run_program(self, name: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
      [sys.executable, "-m", f"srfeat_jax.{name}", *map(str, arguments)],
      cwd=paths.REPOSITORY,
      env=os.environ | {"JAX_PLATFORMS": "cpu"},
      capture_output=True,
      text=True,
      check=False,
    )

  def evaluate(self, weights) -> subprocess.CompletedProcess:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (40, 44, 3), dtype=np.uint8)
    images.write(self.folder / "sets/S/HR/a.png", image)
    return self.run_program(
      "evaluate",
      "--weights=bicubic",
      f"--benchmarks={self.folder / 'sets'}",
      f"--output={self.folder / 'out'}",
      f"--lpips_weights={weights}",
    )

  def test_convert_and_evaluate(self):
    sources = lpips_files.save(self.folder, "squeeze")
    weights = self.folder / "new" / "lpips.safetensors"
    result = self.run_program(
      "convert", "lpips", *sources, f"--output={weights}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEndsWith(result.stdout, f"(LPIPS, squeeze) -> {weights}\n")
    result = self.evaluate(weights)
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertRegex(result.stdout, r"psnr_rgb +checkerboard +lpips *\n")
    results = json.loads((self.folder / "out/results.json").read_text())
    scores = results["sets"]["S"]
    self.assertEqual(scores["lpips"], scores["images"]["a"]["lpips"])
    self.assertIn("squeeze", results["lpips"])

  def test_mistakes(self):
    sources = lpips_files.save(self.folder, "squeeze")
    output = f"--output={self.folder / 'x.safetensors'}"
    for result, sentence in (
      (self.run_program("convert", "lpips", output), "expected two files"),
      (
        self.run_program("convert", "lpips", sources[0], output),
        "7 missing: lpips.lin0",
      ),
      (self.evaluate(sources[0]), "7 missing: lpips.lin0"),
      (self.evaluate(self.folder / "nope"), "nope"),
    ):
      with self.subTest(sentence):
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertLen(result.stderr.splitlines(), 1, result.stderr)
        self.assertStartsWith(result.stderr, "error: ")
        self.assertIn(sentence, result.stderr)
    self.assertFalse((self.folder / "x.safetensors").exists())


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class RealWeightsTest(parameterized.TestCase):
  """Compared with published measurements."""

  @functools.cached_property
  def weights(self):
    return lpips_file.load(paths.DATA / "weights" / "lpips_squeeze_v0.1.npz")

  @functools.cached_property
  def metric(self):
    return lpips.Metric(*self.weights)

  def images_of(self, name: str):
    (found,) = protocol.MATLAB.load(paths.DATA / "benchmarks", [name])
    return found.images

  def test_mean_in_the_documentation_of_torchmetrics(self):
    pairs = _pairs(10, 3, 100, 100, seed=123)
    mean = lpips_files.distances(*self.weights, pairs).mean()
    self.assertAlmostEqual(mean, 0.1008, delta=5.1e-5)

  def test_each_pair_in_the_documentation_of_torchmetrics(self):
    """Measured there with the option reduction="none"."""
    distances = lpips_files.distances(
      *self.weights, _pairs(2, 3, 100, 100, seed=42)
    )
    np.testing.assert_allclose(distances, [0.1024, 0.0938], atol=5.1e-5)

  @parameterized.parameters(("Set5", 0.2876), ("Set14", 0.3732))
  def test_bicubic(self, name, expected):
    """Rounded once; rounding between the two passes, as MATLAB, gives less."""
    distances = []
    for image in self.images_of(name):
      lr, hr = protocol.MATLAB.pair(image, 4)
      sr = resize.resize(np.atleast_3d(lr).astype(np.float64), 4)
      sr = np.clip(np.floor(sr + 0.5), 0, 255).astype(np.uint8)
      distances.append(self.metric(sr.reshape(hr.shape), hr))
    self.assertAlmostEqual(np.mean(distances), expected, delta=1e-3)

  @parameterized.parameters(
    ("srresnet8_pytorch_tutorial", 0.1486, None),
    (
      "srgan_leftthomas_v2",
      0.1047,
      (0.0966, 0.0560, 0.1055, 0.1965, 0.0689),
    ),
  )
  def test_networks_on_set5(self, network, mean, each):
    folder = paths.DATA / "reference" / "anchors_set5_x4"
    distances = [
      self.metric(images.read(folder / f"{image.name}_{network}.png"), hr)
      for image in self.images_of("Set5")
      for hr in [image.hr()]
    ]
    self.assertAlmostEqual(np.mean(distances), mean, delta=1e-3)
    if each:
      np.testing.assert_allclose(distances, each, atol=1e-3)

  @parameterized.parameters(
    ("results_baboon_ESRGAN", "img_001", 0.1277),
    ("results_comic_rlt", "img_005", 0.1053),
  )
  def test_esrgan(self, output, name, expected):
    folder = paths.DATA / "reference" / "esrgan_official"
    hr = {image.name: image for image in self.images_of("Set14")}[name].hr()
    sr = images.read(folder / f"{output}.png")
    self.assertAlmostEqual(self.metric(sr, hr), expected, delta=1e-3)


if __name__ == "__main__":
  absltest.main()
