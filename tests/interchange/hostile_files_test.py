"""Hostile weights files are refused in a sentence, without running code."""

import io
import json
import pathlib
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import hdf5_file, npy_file
from tests.support import foreign_files, image_files, torch_pickles
from tests.support.torch_networks import torch_models

_MEBI = 1 << 20


def stored(**members: bytes) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in members.items():
      archive.writestr(f"{name}.npy", data)
  return buffer.getvalue()


def npy(shape: str, dtype: str = "<f4", data: bytes = b"") -> bytes:
  header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"
  header = header.ljust(117) + "\n"
  return (
    b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data
  )


def safetensors(header, data: bytes = b"", length: int | None = None) -> bytes:
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  return (
    struct.pack("<Q", len(text) if length is None else length) + text + data
  )


def tensor(shape, begin=0, end=4, dtype="F32"):
  return {"x": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def pickled(body: bytes) -> bytes:
  return torch_pickles.archive(b"\x80\x02" + body + b".")


# A billion laughs: lists of lists of lists of one another.
LAUGHS = b"]" + b"".join(b"q%c](%se" % (i, b"h%c" % i * 10) for i in range(60))


class HostileTest(image_files.FolderTestCase):
  def refuse(self, name: str, data: bytes, sentence: str) -> None:
    """Checks that a file is refused with a reason, within 100 MiB of memory."""
    path = self.file(name, data)
    tracemalloc.start()
    try:
      with self.assertRaises(errors.InputError) as caught:
        generator_file.load(path)
      _, peak = tracemalloc.get_traced_memory()
    finally:
      tracemalloc.stop()
    self.assertLess(peak, 100 * _MEBI)
    message = str(caught.exception)
    self.assertRegex(message, sentence)
    self.assertLen(message.splitlines(), 1)
    self.assertLess(len(message), 2001)

  @parameterized.named_parameters(
    ("length", safetensors(b"{}", length=2**63), "header too large"),
    ("length_of_all", safetensors(b"{}", length=2**64 - 1), "header too large"),
    ("length_too_short", safetensors(tensor([1]), bytes(4), 9), "invalid JSON"),
    ("not_json", safetensors(b"{]"), "invalid JSON in header: key must be"),
    ("deep", safetensors(b'{"x":' * 50_000), "recursion limit exceeded"),
    ("exabyte", safetensors(tensor([2**40, 2**20]), bytes(4)), "overflow comp"),
    ("overflow", safetensors(tensor([2**63, 4, 2]), bytes(4)), "overflow comp"),
    ("negative", safetensors(tensor([-1]), bytes(4)), "invalid value: .*-1"),
    (
      "beyond_the_file",
      safetensors(tensor([100], 0, 400), bytes(4)),
      "covered",
    ),
    ("backwards", safetensors(tensor([1], 4, 0), bytes(4)), "invalid offset"),
    ("dtype", safetensors(tensor([1], dtype="F3"), bytes(4)), "variant `F3`"),
    (
      "eight_bits",
      safetensors(tensor([4], dtype="F8_E4M3"), bytes(4)),
      "float8_e4m3",
    ),
    ("no_tensors", safetensors({}), "holds no named arrays"),
  )
  def test_safetensors(self, data, sentence):
    self.refuse("x.safetensors", data, sentence)

  @parameterized.named_parameters(
    ("header_alone", stored(x=npy("(99999999999,)")), "does not fit"),
    ("negative", stored(x=npy("(-1, -4)", data=bytes(16))), "does not fit"),
    ("objects", stored(x=npy("(1,)", "|O", pickle.dumps([print]))), "asks for"),
    ("texts", stored(x=npy("(1,)", "<U4", bytes(16))), "expected floating"),
    ("header_that_computes", stored(x=npy("(9**9**9,)")), "damaged"),
    ("not_npy", stored(x=b"MZ"), "damaged"),
  )
  def test_npz(self, data, sentence):
    self.refuse("x.npz", data, sentence)

  def test_npz_that_unpacks_to_300_mebibytes(self):
    buffer = io.BytesIO()
    with (
      zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
      archive.open("x.npy", "w") as member,
    ):
      member.write(npy(f"({75 * _MEBI},)"))
      for _ in range(300):
        member.write(bytes(_MEBI))
    self.refuse("x.npz", buffer.getvalue(), "would unpack to 314,")

  def test_npz_that_ends_too_soon(self):
    whole = stored(x=npy("(9,)", data=bytes(36)), y=npy("(9,)", data=bytes(36)))
    half = whole[: len(whole) // 2]
    self.refuse("x.npz", half, "is not an .npz file of arrays, or is damaged")
    self.refuse("x.pth", pickled(b"N")[:99], "is a damaged torch file")

  @parameterized.named_parameters(
    ("laughs", LAUGHS, "no named arrays"),
    ("memo", b"]r\xff\xff\xff\x7f", "memo entries beyond"),
    ("memo_as_text", b"]p99999999999\n", "memo entries beyond"),
    ("deep_key", b"}" + b")" + b"\x85" * 500_000 + b"Ns", "tuples"),
    ("deep_lists", b"](" * 100_000, "damaged"),
    ("long_text", b"X\xff\xff\xff\x7f", "damaged"),
    ("number", b"\x8b\xff\xff\xff\x7f", "damaged"),
    ("newlines", b"\x8c\x03a\nb\x8c\x03c\n\x1b\x93", "asks for a"),
  )  # fmt: skip
  def test_pickle(self, body, sentence):
    self.refuse("x.pth", pickled(body), sentence)

  def test_names_full_of_numbers(self):
    state = dict(torch_models.SRResNet(features=8, num_blocks=4).state_dict())
    state["1a" * 15_000 + ".weight"] = torch.ones(8, 8, 3, 3)
    data = foreign_files.write(self.folder, "pth", state).read_bytes()
    self.refuse("x.pth", data, "10 3x3 convolutions in its trunk instead of 11")

  @parameterized.parameters("\N{SUPERSCRIPT TWO}", "9" * 5000)
  def test_numbers_that_are_none(self, name):
    data = safetensors({name: tensor([1])["x"]}, bytes(4))
    self.refuse("x.safetensors", data, "no generator that this program knows")

  def test_one_number_for_a_terabyte(self):
    tensor = torch_pickles.tensor((2**20, 2**20), (0, 0))
    self.refuse("x.pth", torch_pickles.archive(tensor), "repeats a few")

  def test_members_that_share_their_bytes(self):
    one = torch_pickles.tensor((1,), (1,), count=(44 + _MEBI) // 4)
    item = one[3:-2]  # without the dict's opening and end
    body = b"\x80\x02}" + item + b"s" + item.replace(b"V0\n", b"V1\n") + b"s."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
      archive.writestr("model/data.pkl", body)
      archive.writestr("model/data/0", bytes(2))
      start = buffer.tell() - 2
      archive.writestr("model/data/1", bytes(_MEBI))
      # The first ends where the second does: it holds it.
      span = buffer.getvalue()[start:]
      first = archive.getinfo("model/data/0")
      first.file_size = first.compress_size = len(span)
      first.CRC = zlib.crc32(span)
    self.assertEqual(len(span), 44 + _MEBI)
    self.refuse("x.pth", buffer.getvalue(), "together larger than the file")

  def test_laughs_of_numpy(self):
    path = self.file("x.npy", npy("(1,)", "|O", b"\x80\x02" + LAUGHS + b"."))
    with self.assertRaises(errors.InputError):
      npy_file.load(path)

  def test_hdf5(self):
    garbage = np.random.default_rng(0).bytes(5000)
    path = self.file("x.h5", hdf5_file.START + garbage)
    with self.assertRaisesRegex(errors.InputError, "not an HDF5 file"):
      hdf5_file.load(path)
    self.refuse("x.h5", path.read_bytes(), "is not a file of weights")

  def test_a_pickle_that_runs_something(self):
    marker = self.folder / "ran"
    data = torch_pickles.saved({"x": torch_pickles.Runs(marker)}, True)
    self.refuse("x.pth", data, "asks for posix.mkdir, which arrays do not need")
    evil = pickle.dumps(torch_pickles.Runs(marker))
    self.refuse("x.npz", stored(params=npy("(1,)", "|O", evil)), "posix.mkdir")
    self.assertFalse(marker.exists())

  def test_a_folder_or_a_device_is_no_file(self):
    for path in (self.folder, pathlib.Path("/dev/zero")):
      with self.assertRaisesRegex(errors.InputError, "no weights file"):
        generator_file.load(path)


if __name__ == "__main__":
  absltest.main()
