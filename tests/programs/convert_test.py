"""Tests of the program convert, run as users run it."""

import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import onnx
from absl.testing import absltest, parameterized
from jax import export

from srfeat_jax.interchange import vgg19_file
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.weights import lookup
from tests.support import (
  exported_networks,
  foreign_files,
  image_files,
  paths,
  small_weights,
  vgg19_files,
)
from tests.support.torch_networks import torch_models, torch_vgg


def run(*arguments) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, "-m", "srfeat_jax.convert", *map(str, arguments)],
    cwd=paths.REPOSITORY,
    env=os.environ | {"JAX_PLATFORMS": "cpu"},
    capture_output=True,
    text=True,
    check=False,
  )


class ConvertTest(image_files.FolderTestCase):
  def test_vgg19(self):
    source = self.folder / "vgg19.npy"
    vgg19_files.write("npy", source, torch_vgg.state())
    output = self.folder / "new" / "vgg19.safetensors"
    result = run("vgg19", source, f"--output={output}", "--clip")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"{source} (vgg19.npy) -> {output}", result.stdout)
    self.assertIn("preprocessing: caffe", result.stdout)
    read = vgg19_file.load(str(output))
    self.assertEqual(read.settings, vgg19_files.CAFFE | {"clip": True})
    np.testing.assert_array_equal(
      read.variables["params"]["conv5_4"]["kernel"],
      torch_vgg.state()["features.34.weight"].permute(2, 3, 1, 0),
    )

  @parameterized.parameters(("float16", 1e-3), ("bfloat16", 1e-2))
  def test_import_to_sixteen_bits(self, dtype, tolerance):
    output = self.folder / f"{dtype}.safetensors"
    result = run(
      "import", "srfeat-lite", f"--output={output}", f"--dtype={dtype}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertLess(output.stat().st_size, 600_000)
    read, whole = (lookup.load(str(x)) for x in (output, "srfeat-lite"))
    for ours, theirs in zip(
      jax.tree.leaves(read.variables),
      jax.tree.leaves(whole.variables),
      strict=True,
    ):
      self.assertEqual(ours.dtype, np.float32)
      np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-6)

  def test_import_of_what_sixteen_bits_cannot_hold(self):
    source = self.folder / "large.safetensors"
    loaded = lookup.load("srfeat-lite")
    large = jax.tree.map(lambda x: 1e6 * x, loaded.variables)
    safetensors_file.save(source, loaded.generator, large)
    output = self.folder / "small.safetensors"
    result = run("import", source, f"--output={output}", "--dtype=float16")
    self.assertEqual(result.returncode, 1)
    self.assertIn("float16 cannot hold all the weights", result.stderr)
    self.assertFalse(output.exists())

  def exported(self, source, name: str, *flags) -> pathlib.Path:
    output = self.folder / "out" / name
    result = run("export", source, f"--output={output}", *flags)
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"-> {output} (", result.stdout)
    return output

  def test_there_and_back(self):
    config, _, variables = exported_networks.made({"architecture": "msrresnet"})
    first = self.folder / "first.safetensors"
    safetensors_file.save(first, config, variables)
    pth = self.exported(first, "x.pth")
    theirs = self.exported(pth, "x.safetensors", "--format=basicsr")
    self.assertNotIn("format", safetensors_file.read(theirs)[0])
    last = self.folder / "last.safetensors"
    result = run("import", theirs, f"--output={last}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("msrresnet as BasicSR names it", result.stdout)
    self.assertEqual(safetensors_file.load(last)[0], config)
    small_weights.assert_equal(safetensors_file.load(last)[1], variables)
    ours = self.exported(last, "ours.safetensors")
    self.assertEqual(ours.read_bytes(), last.read_bytes())

  def test_programs_for_others(self):
    config, _, variables = exported_networks.made({"architecture": "srfeat"})
    source = self.folder / "x.safetensors"
    safetensors_file.save(source, config, variables)
    onnx.load(self.exported(source, "x.onnx"))
    stablehlo = self.exported(source, "x.stablehlo")
    program = export.deserialize(bytearray(stablehlo.read_bytes()))
    sr = program.call(np.zeros((1, 5, 3, 3), np.float32))
    self.assertEqual(sr.shape, (1, 20, 12, 3))

  def test_workdir(self):
    workdir = self.folder / "run"
    workdir.mkdir()
    expected = small_weights.save_run(
      workdir,
      small_weights.GENERATOR,
      small_weights.initialized(small_weights.GENERATOR),
      keep_ema=True,
    )
    output = self.folder / "x.safetensors"
    result = run("import", workdir, f"--output={output}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"{workdir} (workdir) -> {output}", result.stdout)
    config, variables = safetensors_file.load(output)
    self.assertEqual(config, small_weights.GENERATOR)
    small_weights.assert_equal(variables, expected)

  def test_ranges_in_doubt_are_said_and_can_be_told(self):
    peer = torch_models.SRResNet(features=4, num_blocks=2)
    source = foreign_files.write(self.folder, "pth", peer.state_dict())
    output = self.folder / "x.safetensors"
    result = run("import", source, f"--output={output}")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("could not be found out", result.stderr)
    ranges = ("--input_range=imagenet", "--output_range=tanh")
    result = run("import", source, f"--output={output}", *ranges)
    self.assertEqual(result.stderr, "")
    config, _ = safetensors_file.load(output)
    self.assertEqual(config["input_range"], "imagenet")
    self.assertTrue(config["tanh"])

  @parameterized.parameters(
    (
      ("import",),
      "expected one file or workdir to import a generator from, got 0",
    ),
    (("import", "{}/nope.pth"), "there is no weights file"),
    (("import", "{}/x.npy"), "is not a file of weights"),
    (("export", "{}/x.npy", "--output=x.txt"), "does not end in .safetensors"),
    (
      ("export", "{}/x.npy", "--output=x.pth", "--format=onnx"),
      "does not end in .onnx, as --format=onnx does",
    ),
    (
      ("export", "a", "b"),
      "expected one file or workdir to export a generator from, got 2",
    ),
    (("vgg19", "{}/nope.pth"), "download https://download.pytorch.org"),
    (("vgg19", "{}/x.npy"), "is not a .npy file"),
    (("vgg19",), "expected one file with VGG-19, got 0"),
    (("vgg19", "a", "b"), "expected one file with VGG-19, got 2"),
    ((), "begin with one of import, export, vgg19"),
    (("vgg16", "a"), '"vgg16" is not a command'),
    (("vgg19", "a", "--output=x.pth"), "does not end in .safetensors"),
    (("vgg19", "{}/x.safetensors"), "is the file to convert"),
    (("vgg19", "a", "--pooling=max"), "pooling"),
    (("vgg19", "a", "--alpha=0.5"), "--alpha is a flag of blend"),
    (("lpips", "a", "b", "--clip"), "--clip is a flag of vgg19"),
    (("blend", "a", "b", "--pooling=ceil"), "--pooling is a flag of vgg19"),
    (("blend", "a", "b"), "blend needs --alpha"),
    (("blend", "a", "--alpha=0.5"), "expected two weights to blend, got 1"),
  )
  def test_mistakes(self, arguments, sentence):
    self.file("x.npy", b"\x93NUMPY\1\0")
    output = self.folder / "new" / "x.safetensors"
    if "{}/x.safetensors" in arguments:
      output = self.folder / "x.safetensors"
    arguments = [each.format(self.folder) for each in arguments]
    if not any(each.startswith("--output=") for each in arguments):
      arguments.append(f"--output={output}")
    result = run(*arguments)
    self.assertEqual(result.returncode, 1, result.stderr)
    self.assertLen(result.stderr.splitlines(), 1, result.stderr)
    self.assertStartsWith(result.stderr, "error: ")
    self.assertIn(sentence, result.stderr)
    self.assertEqual([p.name for p in self.folder.iterdir()], ["x.npy"])


if __name__ == "__main__":
  absltest.main()
