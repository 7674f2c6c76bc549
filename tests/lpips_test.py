"""LPIPS: the network, the files of its weights, and the metric of images."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

import jax
import numpy as np
import safetensors
import safetensors.torch
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import images
from srfeat_jax.evaluation import evaluator, lpips, protocol, report
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import lpips_file
from srfeat_jax.models import lpips as networks
from srfeat_jax.ops import resize
from tests import image_files, paths, torch_lpips

_BACKBONES = ("squeeze", "alex", "vgg")


def save(folder: pathlib.Path, backbone: str, **options) -> list[str]:
  """Writes the two public files, but of random weights."""
  sources = [str(folder / f"{backbone}{i}.pth") for i in range(2)]
  state = torch_lpips.Backbone(backbone).state_dict()
  torch.save(state, sources[0], **options)
  torch.save(torch_lpips.heads(backbone), sources[1], **options)
  return sources


@functools.cache
def random(backbone: str) -> tuple[networks.LPIPS, dict]:
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    output = folder / "joint.safetensors"
    lpips_file.convert(save(folder, backbone), output)
    return lpips_file.load(output)


def _pairs(*shape: int, seed: int) -> list[torch.Tensor]:
  """Two batches [n, 3, H, W] in [0, 1]."""
  torch.manual_seed(seed)
  return [torch.rand(shape), torch.rand(shape)]


def _distances(network, variables, pairs) -> np.ndarray:
  a, b = (x.permute(0, 2, 3, 1).numpy() for x in pairs)
  return np.asarray(jax.jit(network.apply)(variables, a, b))


class NetworkTest(parameterized.TestCase):
  @parameterized.product(
    backbone=_BACKBONES, size=[(65, 83), (31, 34), (66, 48)]
  )
  def test_equals_torch(self, backbone, size):
    pairs = _pairs(2, 3, *size, seed=3)
    expected = torch_lpips.distance(backbone, *(2 * x - 1 for x in pairs))
    self.assertGreater(expected.min(), 0.1)
    ours = _distances(*random(backbone), pairs)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)

  @parameterized.parameters(*_BACKBONES)
  def test_smallest_size(self, backbone):
    """Of the smallest images something is left, in torch too; of less, not."""
    least = networks.MIN_SIZES[backbone]
    pairs = _pairs(1, 3, least, 40, seed=3)
    expected = torch_lpips.distance(backbone, *(2 * x - 1 for x in pairs))
    ours = _distances(*random(backbone), pairs)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    pairs = _pairs(1, 3, 40, least - 1, seed=3)
    with self.assertRaises(RuntimeError):
      torch_lpips.distance(backbone, *pairs)
    with self.assertRaisesRegex(
      errors.InputError, f"needs {least} x {least} .* got 40 x {least - 1} "
    ):
      _distances(*random(backbone), pairs)


class FileTest(image_files.FolderTestCase):
  def assert_same(self, path):
    network, variables = lpips_file.load(path)
    expected_network, expected = random("squeeze")
    self.assertEqual(network, expected_network)
    jax.tree.map(np.testing.assert_array_equal, variables, expected)

  def joint(self) -> dict[str, torch.Tensor]:
    state = torch_lpips.Backbone("squeeze").features.state_dict()
    heads = torch_lpips.heads("squeeze")
    return {f"features.{k}": v for k, v in state.items()} | {
      f"lpips.{k}": v for k, v in heads.items()
    }

  def npz(self, name: str, **changes) -> str:
    path = self.folder / name
    arrays = {k: v.numpy() for k, v in self.joint().items()} | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return str(path)

  def test_every_kind_of_file(self):
    self.assert_same(self.npz("x.npz"))
    output = self.folder / "x.safetensors"
    safetensors.torch.save_file(self.joint(), output)
    self.assert_same(output)
    for options in ({}, {"_use_new_zipfile_serialization": False}):
      sources = save(self.folder, "squeeze", **options)
      for files in (sources, sources[::-1], [self.npz("x.npz")]):
        self.assertEqual(lpips_file.convert(files, output), "squeeze")
        self.assert_same(output)

  def test_sources_are_named(self):
    output = self.folder / "x.safetensors"
    lpips_file.convert(save(self.folder, "squeeze"), output)
    with safetensors.safe_open(output, "numpy") as file:
      metadata = file.metadata()
    self.assertEqual(metadata["source_0"], "squeeze0.pth")
    self.assertRegex(metadata["source_1_sha256"], "^[0-9a-f]{64}$")

  def test_half_precision(self):
    half = {k: v.numpy().astype(np.float16) for k, v in self.joint().items()}
    _, variables = lpips_file.load(self.npz("half.npz", **half))
    for array in jax.tree.leaves(variables):
      self.assertEqual(array.dtype, np.float32)

  def test_files_that_are_something_else(self):
    backbone, heads = save(self.folder, "squeeze")
    alex, _ = save(self.folder, "alex")
    lin0 = "lpips.lin0.model.1.weight"
    objects = self.npz("objects.npz", **{lin0: np.array([{}])})
    whole = pathlib.Path(self.npz("x.npz")).read_bytes()
    numbers = np.zeros((1, 64, 1, 1), int)
    for name, path, sentence in (
      ("nothing", str(self.folder / "nope"), "No such file.*convert lpips"),
      ("a folder", str(self.folder), "cannot be read"),
      ("empty", self.file("empty", b""), "empty is not"),
      ("noise", self.file("noise", bytes(range(256))), "noise is not"),
      ("half", self.file("half.npz", whole[: len(whole) // 2]), "half.npz"),
      ("objects", objects, "objects.npz is a damaged .npz"),
      ("only the backbone", backbone, "7 missing: lpips.lin0.model.1.weight,"),
      ("only the heads", heads, "50 missing: .*; .*convert lpips"),
      ("less", self.npz("less.npz", **{lin0: None}), f"1 missing: {lin0};"),
      ("more", self.npz("more.npz", more=numbers), "1 unexpected: more;"),
      (
        "shape",
        self.npz("shape.npz", **{lin0: np.zeros((1, 3, 1, 1))}),
        r"1 of another shape: lpips.lin0.* \(1, 3, 1, 1\) instead of \(1, 64,",
      ),
      ("dtype", self.npz("dtype.npz", **{lin0: numbers}), "lin0.* as int64"),
    ):
      with (
        self.subTest(name),
        self.assertRaisesRegex(errors.InputError, sentence),
      ):
        lpips_file.load(path)
    output = self.folder / "out.safetensors"
    with self.assertRaisesRegex(errors.InputError, "alex0.pth and .*squeeze1"):
      lpips_file.convert([alex, heads], output)
    with self.assertRaisesRegex(errors.InputError, "nope"):
      lpips_file.convert([backbone, "nope"], output)
    self.assertFalse(output.exists())

  def test_a_hostile_archive_runs_nothing(self):
    path = self.folder / "hostile.npz"
    flag = self.folder / "flag"
    program = f"cposix\nsystem\n(S'touch {flag}'\ntR.".encode()
    header = b"\x93NUMPY\1\0F\0" + (
      b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(69)
      + b"\n"
    )
    with zipfile.ZipFile(path, "w") as archive:
      archive.writestr("features.0.weight.npy", header + program)
    with self.assertRaisesRegex(errors.InputError, "Object arrays"):
      lpips_file.load(path)
    self.assertFalse(flag.exists())


class MetricTest(image_files.FolderTestCase):
  def picture(self, *shape: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)

  def test_equal_images(self):
    metric = lpips.Metric(*random("squeeze"))
    image = self.picture(50, 61, 3)
    self.assertAlmostEqual(metric(image, image), 0, delta=1e-12)

  def test_levels_and_gray(self):
    metric = lpips.Metric(*random("squeeze"))
    a, b = self.picture(2, 40, 44)
    pairs = [
      torch.from_numpy(x / np.float32(255)).expand(1, 3, -1, -1) for x in (a, b)
    ]
    expected = torch_lpips.distance("squeeze", *(2 * x - 1 for x in pairs))
    self.assertAlmostEqual(metric(a, b), expected.item(), delta=1e-5)
    rgb = [np.repeat(x[..., None], 3, axis=-1) for x in (a, b)]
    self.assertAlmostEqual(metric(*rgb), expected.item(), delta=1e-5)

  def test_in_results(self):
    for name in ("a", "b"):
      images.write(self.folder / f"S/HR/{name}.png", self.picture(40, 44, 3))
    images.write(self.folder / "S/HR/gray.png", self.picture(40, 44))
    sets = protocol.MATLAB.load(self.folder)
    metric = lpips.Metric(*random("squeeze"))
    without = evaluator.evaluate(upscaler.bicubic, sets)
    results = evaluator.evaluate(upscaler.bicubic, sets, lpips=metric)
    self.assertEqual(results.pop("lpips"), metric.description)
    values = [
      each.pop("lpips") for each in results["sets"]["S"]["images"].values()
    ]
    mean = results["sets"]["S"].pop("lpips")
    self.assertAlmostEqual(mean, sum(values) / 3)
    self.assertGreater(min(values), 0)
    # Nothing else is different.
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
    images.write(self.folder / "S/HR/tiny.png", self.picture(20, 24, 3))
    sets = protocol.MATLAB.load(self.folder)
    metric = lpips.Metric(*random("alex"))
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
    picture = rng.integers(0, 256, (40, 44, 3), dtype=np.uint8)
    images.write(self.folder / "sets/S/HR/a.png", picture)
    return self.run_program(
      "evaluate",
      "--weights=bicubic",
      f"--benchmarks={self.folder / 'sets'}",
      f"--output={self.folder / 'out'}",
      f"--lpips_weights={weights}",
    )

  def test_convert_and_evaluate(self):
    sources = save(self.folder, "squeeze")
    weights = self.folder / "new" / "lpips.safetensors"
    result = self.run_program(
      "convert", "lpips", *sources, f"--output={weights}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEndsWith(result.stdout, f"(LPIPS, squeeze) -> {weights}\n")
    result = self.evaluate(weights)
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertRegex(result.stdout, r"psnr_rgb +checkerboard +lpips\n")
    results = json.loads((self.folder / "out/results.json").read_text())
    scores = results["sets"]["S"]
    self.assertEqual(scores["lpips"], scores["images"]["a"]["lpips"])
    self.assertIn("squeeze", results["lpips"])

  def test_mistakes(self):
    sources = save(self.folder, "squeeze")
    output = f"--output={self.folder / 'x.safetensors'}"
    for result, sentence in (
      (self.run_program("convert", "lpips", output), "none is named"),
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
  """Against what others measured."""

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
    mean = _distances(*self.weights, pairs).mean()
    self.assertAlmostEqual(mean, 0.1008, delta=5.1e-5)

  def test_each_pair_in_the_documentation_of_torchmetrics(self):
    """There with the option reduction="none"."""
    distances = _distances(*self.weights, _pairs(2, 3, 100, 100, seed=42))
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
