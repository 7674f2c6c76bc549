"""The kind of a file is found from its content, whatever its name is."""

import h5py
import numpy as np
import safetensors.numpy
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.interchange.containers import file_kind
from tests.support import image_files

ARRAY = np.ones((2, 3), np.float32)


def _write_hdf5(path):
  with h5py.File(path, "w") as file:
    file["x"] = ARRAY


def _write_npz(path):
  with open(path, "wb") as file:  # else numpy appends .npz to the name
    np.savez(file, x=ARRAY)


def _write_npy(path):
  with open(path, "wb") as file:
    np.save(file, ARRAY)


def _write_torch(path, as_zip=True):
  state = {"x": torch.ones(2, 3)}
  torch.save(state, path, _use_new_zipfile_serialization=as_zip)


class FindTest(image_files.FolderTestCase):
  @parameterized.parameters(
    ("TORCH", _write_torch),
    ("TORCH", lambda path: _write_torch(path, as_zip=False)),
    ("NPZ", _write_npz),
    ("NPY", _write_npy),
    ("HDF5", _write_hdf5),
    (
      "SAFETENSORS",
      lambda path: safetensors.numpy.save_file({"x": ARRAY}, path),
    ),
    ("UNKNOWN", lambda path: path.write_bytes(b"GIF89a")),
    ("UNKNOWN", lambda path: path.write_bytes(b"")),
  )
  def test_of_files_that_others_wrote(self, kind, write):
    path = self.folder / "weights.bin"
    write(path)
    self.assertEqual(file_kind.find(path), file_kind.Kind[kind])

  def test_an_archive_that_is_cut_short(self):
    path = self.folder / "x"
    for write, kind in ((_write_npz, "NPZ"), (_write_torch, "TORCH")):
      write(path)
      path.write_bytes(path.read_bytes()[:-100])
      self.assertEqual(file_kind.find(path), file_kind.Kind[kind])

  def test_what_cannot_be_read(self):
    for path in (self.folder, self.folder / "missing"):
      with self.assertRaisesRegex(errors.InputError, "cannot be read: "):
        file_kind.find(path)


if __name__ == "__main__":
  absltest.main()
