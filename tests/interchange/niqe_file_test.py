"""NIQE's parameters from the published kinds of files."""

import numpy as np
from absl.testing import absltest
from scipy import io

from srfeat_jax import errors
from srfeat_jax.interchange import niqe_file
from tests.support import image_files

_MEAN = np.arange(36.0)
_COVARIANCE = np.eye(36) + 0.1


class FileTest(image_files.FolderTestCase):
  def npz(self, name: str = "x.npz", **changes) -> str:
    path = self.folder / name
    arrays = {
      "mu_pris_param": _MEAN[None],
      "cov_pris_param": _COVARIANCE,
      "gaussian_window": np.ones((7, 7)),
    } | changes
    np.savez(path, **arrays)
    return str(path)

  def assert_same(self, path: str):
    mean, covariance = niqe_file.load(path)
    np.testing.assert_array_equal(mean, _MEAN)
    np.testing.assert_array_equal(covariance, _COVARIANCE)

  def test_every_kind_of_file(self):
    self.assert_same(self.npz())
    matlab = self.folder / "modelparameters.mat"
    arrays = {"mu_prisparam": _MEAN[None], "cov_prisparam": _COVARIANCE}
    io.savemat(matlab, arrays, do_compression=True)
    self.assert_same(str(matlab))
    for source in (self.npz(), str(matlab)):
      output = self.folder / "x.safetensors"
      niqe_file.convert(source, output)
      self.assert_same(str(output))

  def test_files_that_are_something_else(self):
    matlab = self.file("x.mat", b"MATLAB 5.0 MAT-file" + bytes(range(200)))
    bad = np.full((36, 36), np.nan)
    for name, path, sentence in (
      ("nothing", str(self.folder / "nope"), "No such file.*niqe_pris_params"),
      ("noise", self.file("noise", bytes(range(256))), "noise is not a file"),
      ("damaged", matlab, "x.mat is not a .mat file .* get it again"),
      (
        "shape",
        self.npz("y.npz", mu_pris_param=_MEAN[:9]),
        r"mean \(9,\) instead of",
      ),
      ("not finite", self.npz("z.npz", cov_pris_param=bad), "not all finite"),
      ("large", self.file("x", b"PK" + bytes(1 << 20)), "below 1 MiB"),
    ):
      with (
        self.subTest(name),
        self.assertRaisesRegex(errors.InputError, sentence),
      ):
        niqe_file.load(path)
    np.savez(self.folder / "other.npz", a=_MEAN)
    with self.assertRaisesRegex(errors.InputError, "2 missing: covariance, me"):
      niqe_file.load(str(self.folder / "other.npz"))


if __name__ == "__main__":
  absltest.main()
