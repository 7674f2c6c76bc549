"""Pickled .npy files, of Python 2 and 3, damaged and hostile."""

import io
import pickle

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.interchange.containers import npy_file
from tests.support import image_files, torch_pickles

VALUE = {
  "conv1_1": [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, ">f8")],
  "f": {0: np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3))},
  "n": (np.arange(3), np.zeros((0, 2), bool), 1.5, "text", None),
}


def npy(value, protocol: int) -> bytes:
  """A file of `numpy.save`, with any protocol of pickle."""
  array = np.empty((), object)
  array[()] = value
  return header("|O", ()) + pickle.dumps(array, protocol)


def header(descr: str, shape: tuple) -> bytes:
  buffer = io.BytesIO()
  about = {"descr": descr, "fortran_order": False, "shape": shape}
  np.lib.format.write_array_header_1_0(buffer, about)
  return buffer.getvalue()


def python2() -> bytes:
  """{"conv1_1": [array([1, 2], float32)]}, byte for byte as Python 2 wrote."""
  integer = b"J%c%c%c%c"
  minus_one = integer % (255, 255, 255, 255)

  def array(shape: bytes, code: bytes, order: bytes, data: bytes) -> bytes:
    made = b"cnumpy.core.multiarray\n_reconstruct\n"
    made += b"(cnumpy\nndarray\n(K\x00tU\x01btR"
    dtype = b"cnumpy\ndtype\n(U\x02" + code + b"K\x00K\x01tR"
    flags = b"?" if code == b"O8" else b"\x00"
    dtype += b"(K\x03U\x01" + order + b"NNN" + 2 * minus_one
    dtype += b"K" + flags + b"tb"
    return made + b"(K\x01" + shape + dtype + b"I00\n" + data + b"tb"

  floats = np.array([1, 2], "<f4").tobytes()
  inner = array(b"(K\x02t", b"f4", b"<", b"U\x08" + floats)
  mapping = b"}U\x07conv1_1](" + inner + b"es"
  outer = array(b")", b"O8", b"|", b"](" + mapping + b"e")
  return header("|O", ()) + b"\x80\x02" + outer + b"."


def assert_equal(ours, theirs):
  assert type(ours) is type(theirs), (ours, theirs)
  if isinstance(theirs, np.ndarray):
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
  elif isinstance(theirs, dict):
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
      assert_equal(ours[key], value)
  elif isinstance(theirs, list | tuple):
    for pair in zip(ours, theirs, strict=True):
      assert_equal(*pair)
  else:
    assert ours == theirs


class ReadTest(image_files.FolderTestCase):
  def load(self, data: bytes):
    return npy_file.load(self.file("x.npy", data))

  def test_as_numpy_saves(self):
    path = self.folder / "x.npy"
    np.save(path, VALUE, allow_pickle=True)
    assert_equal(npy_file.load(path), VALUE)

  @parameterized.parameters(2, 3, 4)
  def test_protocols(self, protocol):
    assert_equal(self.load(npy(VALUE, protocol)), VALUE)

  def test_before_numpy_2(self):
    data = npy(VALUE, 3)
    old = data.replace(b"cnumpy._core", b"cnumpy.core")
    self.assertNotEqual(old, data)
    assert_equal(self.load(old), VALUE)

  def test_python_2(self):
    loaded = self.load(python2())
    assert_equal(loaded, {"conv1_1": [np.array([1, 2], np.float32)]})
    np.testing.assert_array_equal(
      np.load(
        io.BytesIO(python2()), allow_pickle=True, encoding="latin1"
      ).item()["conv1_1"],
      loaded["conv1_1"],
    )

  def test_array_of_objects(self):
    array = np.empty((2, 1), object)
    array[:, 0] = [np.ones(2), "x"]
    np.save(self.folder / "x.npy", array, allow_pickle=True)
    loaded = npy_file.load(self.folder / "x.npy")
    self.assertEqual(loaded.shape, (2, 1))
    np.testing.assert_array_equal(loaded[0, 0], np.ones(2))
    self.assertEqual(loaded[1, 0], "x")

  def test_plain_array(self):
    np.save(self.folder / "x.npy", np.eye(3))
    np.testing.assert_array_equal(
      npy_file.load(self.folder / "x.npy"), np.eye(3)
    )


class BadFileTest(image_files.FolderTestCase):
  def refuse(self, data: bytes, sentence: str = "") -> None:
    path = self.file("x.npy", data)
    with self.assertRaisesRegex(errors.InputError, f"{path} .*{sentence}"):
      npy_file.load(path)

  @parameterized.parameters(2, 3, 4)
  def test_object_that_runs_code(self, protocol):
    marker = self.folder / "ran"
    hostile = {"conv1_1": torch_pickles.Runs(marker)}
    self.refuse(npy(hostile, protocol), "asks for posix.mkdir, which")
    self.assertFalse(marker.exists())

  def test_code_in_place_of_the_array(self):
    marker = self.folder / "ran"
    hostile = pickle.dumps(torch_pickles.Runs(marker))
    self.refuse(header("|O", ()) + hostile, "asks for posix.mkdir, which")
    self.assertFalse(marker.exists())

  @parameterized.parameters(
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy\nndarray\n",
    b"cnumpy\ndtype\n",
    b"c_codecs\nencode\n",
    b"c__builtin__\nbytes\n",
  )
  def test_nothing_of_ours_is_changed(self, name):
    # BUILD sets attributes of what a pickle has named.
    state = b"(N}V__defaults__\nNsV__setstate__\nNst"
    self.refuse(header("|O", ()) + name + state + b"b.")
    assert_equal(
      npy_file.load(self.file("x.npy", npy(VALUE, 2))),
      VALUE,
    )

  @parameterized.parameters(2, 4)
  def test_any_byte_changed(self, protocol):
    data = npy(VALUE, protocol)
    for i in range(len(data)):
      changed = bytearray(data)
      changed[i] ^= 0xFF
      try:
        npy_file.load(self.file("x.npy", changed))
      except errors.InputError as error:
        self.assertIn("x.npy", str(error))

  @parameterized.parameters(2, 4)
  def test_cut_short_anywhere(self, protocol):
    data = npy(VALUE, protocol)
    for size in range(len(data)):
      self.refuse(data[:size])

  def test_dates(self):
    self.refuse(npy([np.array("2020", "M8[s]")], 4), "arrays of the type 'M8'")

  def test_no_file(self):
    with self.assertRaisesRegex(errors.InputError, "nope.*No such file"):
      npy_file.load(self.folder / "nope.npy")


if __name__ == "__main__":
  absltest.main()
