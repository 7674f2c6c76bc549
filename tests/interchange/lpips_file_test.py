"""LPIPS' weights from the public files, and joined in one."""

import pathlib
import zipfile

import jax
import numpy as np
import safetensors
import safetensors.torch
import torch
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.interchange import lpips_file
from tests.support import image_files, lpips_files
from tests.support.torch_networks import torch_lpips

_BACKBONES = ("squeeze", "alex", "vgg")


def _pairs(*shape: int, seed: int) -> list[torch.Tensor]:
  """Two batches [n, 3, H, W] in [0, 1]."""
  torch.manual_seed(seed)
  return [torch.rand(shape), torch.rand(shape)]


class FileTest(image_files.FolderTestCase):
  def assert_same(self, path):
    network, variables = lpips_file.load(path)
    expected_network, expected = lpips_files.random("squeeze")
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
      sources = lpips_files.save(self.folder, "squeeze", **options)
      for files in (sources, sources[::-1], [self.npz("x.npz")]):
        self.assertEqual(lpips_file.convert(files, output), "squeeze")
        self.assert_same(output)

  def test_the_whole_state_of_the_package_lpips(self):
    """Its modules have other names, and its linear layers two each."""
    state = {}
    for name, array in self.joint().items():
      if name.startswith("lpips.lin"):
        number = name.removeprefix("lpips.lin")
        state |= {f"lin{number}": array, f"lins.{number}": array}
      else:
        place = name.removeprefix("features.")
        state[f"net.slice{1 + int(place.split('.')[0]) // 3}.{place}"] = array
    state["scaling_layer.shift"] = torch.zeros(1, 3, 1, 1)
    source, output = self.folder / "x.pth", self.folder / "x.safetensors"
    torch.save(state, source)
    self.assertEqual(lpips_file.convert([str(source)], output), "squeeze")
    self.assert_same(output)

  def test_sources_are_named(self):
    output = self.folder / "x.safetensors"
    lpips_file.convert(lpips_files.save(self.folder, "squeeze"), output)
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
    backbone, heads = lpips_files.save(self.folder, "squeeze")
    alex, _ = lpips_files.save(self.folder, "alex")
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
      ("objects", objects, "objects.npz is not an .npz file of arrays"),
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
    with self.assertRaisesRegex(errors.InputError, "it holds objects"):
      lpips_file.load(path)
    self.assertFalse(flag.exists())


if __name__ == "__main__":
  absltest.main()
