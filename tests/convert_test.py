"""The program convert, run as a person runs it."""

import os
import subprocess
import sys

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.interchange import vgg19_file
from tests import image_files, paths, torch_vgg, vgg19_file_test


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
    vgg19_file_test.write("npy", source, torch_vgg.state())
    output = self.folder / "new" / "vgg19.safetensors"
    result = run("vgg19", source, f"--output={output}", "--clip")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"{source} (vgg19.npy) -> {output}", result.stdout)
    self.assertIn("preprocessing: caffe", result.stdout)
    read = vgg19_file.load(str(output))
    self.assertEqual(read.settings, vgg19_file_test.CAFFE | {"clip": True})
    np.testing.assert_array_equal(
      read.variables["params"]["conv5_4"]["kernel"],
      torch_vgg.state()["features.34.weight"].permute(2, 3, 1, 0),
    )

  @parameterized.parameters(
    (("vgg19", "{}/nope.pth"), "download https://download.pytorch.org"),
    (("vgg19", "{}/x.npy"), "is not a .npy file"),
    (("vgg19",), "from one file, and 0 are named"),
    (("vgg19", "a", "b"), "from one file, and 2 are named"),
    ((), "begin with one of vgg19"),
    (("vgg16", "a"), '"vgg16" is nothing to convert'),
    (("vgg19", "a", "--output=x.pth"), "does not end in .safetensors"),
    (("vgg19", "{}/x.safetensors"), "is the file to convert"),
    (("vgg19", "a", "--pooling=max"), "pooling"),
    (("vgg19", "a", "--alpha=0.5"), "--alpha is a flag of blend"),
    (("lpips", "a", "b", "--clip"), "--clip is a flag of vgg19"),
    (("blend", "a", "b", "--pooling=ceil"), "--pooling is a flag of vgg19"),
    (("blend", "a", "b"), "blend needs --alpha"),
    (("blend", "a", "--alpha=0.5"), "two weights are blended, and 1 are named"),
  )
  def test_mistakes(self, arguments, sentence):
    self.file("x.npy", b"\x93NUMPY\1\0")
    output = self.folder / "new" / "x.safetensors"
    if "{}/x.safetensors" in arguments:
      output = self.folder / "x.safetensors"
    arguments = [each.format(self.folder) for each in arguments]
    result = run(f"--output={output}", *arguments)
    self.assertEqual(result.returncode, 1, result.stderr)
    self.assertLen(result.stderr.splitlines(), 1, result.stderr)
    self.assertStartsWith(result.stderr, "error: ")
    self.assertIn(sentence, result.stderr)
    self.assertEqual([p.name for p in self.folder.iterdir()], ["x.npy"])


if __name__ == "__main__":
  absltest.main()
