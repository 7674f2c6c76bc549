"""A file's kind shows in its content, whatever it is called."""

import numpy as np
import safetensors.numpy
import torch
from absl.testing import absltest, parameterized

from srfeat_jax.interchange.containers import kinds
from tests.support import image_files, torch_pickles

Kind = kinds.Kind
_ARRAYS = {"x": np.ones(3, np.float32)}


def _written(kind: str, path) -> None:
  match kind:
    case "npz":
      np.savez(path, **_ARRAYS)
      path.with_name(f"{path.name}.npz").rename(path)
    case "npy":
      with open(path, "wb") as file:
        np.save(file, _ARRAYS, allow_pickle=True)
    case "safetensors":
      safetensors.numpy.save_file(_ARRAYS, path)
    case "torch" | "torch before 2020":
      value = {"x": torch.ones(3)}
      path.write_bytes(torch_pickles.saved(value, as_zip=kind == "torch"))
    case "keras":
      path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    case "picture":
      path.write_bytes(image_files.encode(image_files.RGB, "PNG"))
    case "empty":
      path.write_bytes(b"")


class KindTest(image_files.FolderTestCase):
  @parameterized.parameters(
    ("npz", Kind.NPZ),
    ("npy", Kind.NPY),
    ("safetensors", Kind.SAFETENSORS),
    ("torch", Kind.TORCH),
    ("torch before 2020", Kind.TORCH),
    ("keras", Kind.HDF5),
    ("picture", Kind.UNKNOWN),
    ("empty", Kind.UNKNOWN),
  )
  def test_of(self, kind, expected):
    path = self.folder / "weights.bin"
    _written(kind, path)
    self.assertEqual(kinds.of(path), expected)

  def test_of_an_archive_cut_short(self):
    path = self.folder / "weights.pth"
    for kind, expected in (("npz", Kind.NPZ), ("torch", Kind.TORCH)):
      _written(kind, path)
      path.write_bytes(path.read_bytes()[:100])
      self.assertEqual(kinds.of(path), expected)

  def test_of_nothing(self):
    with self.assertRaises(FileNotFoundError):
      kinds.of(self.folder / "nope")


if __name__ == "__main__":
  absltest.main()
