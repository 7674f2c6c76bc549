"""Files of torch.save, whole, damaged and hostile."""

import collections
import io
import pickle
import zipfile

import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.interchange.containers import torch_file
from tests.support import image_files, torch_pickles

FORMATS = parameterized.product(as_zip=(True, False))


class ReadTest(image_files.FolderTestCase):
  def load(self, data: bytes):
    return torch_file.load(self.file("x.pth", data))

  @FORMATS
  def test_state_dict(self, as_zip):
    module = torch.nn.Sequential(
      torch.nn.Conv2d(3, 5, 3), torch.nn.BatchNorm2d(5)
    )
    loaded = self.load(torch_pickles.saved(module.state_dict(), as_zip))
    self.assertLen(loaded, 7)
    for name, value in module.state_dict().items():
      self.assertEqual(loaded[name].dtype, value.numpy().dtype)
      np.testing.assert_array_equal(loaded[name], value.numpy())

  @parameterized.product(
    as_zip=(True, False),
    dtype=("float64", "float16", "bfloat16", "int64", "int8", "uint8", "bool"),
  )
  def test_dtypes(self, as_zip, dtype):
    value = torch.tensor([[0, 1, 3], [1, 1, 0]]).to(getattr(torch, dtype))
    loaded = self.load(torch_pickles.saved(value, as_zip))
    self.assertEqual(str(loaded.dtype), dtype)
    np.testing.assert_array_equal(
      loaded.astype(np.float32), value.float().numpy()
    )

  @FORMATS
  def test_structure_and_views(self, as_zip):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    value = {
      "params": collections.OrderedDict(weight=torch.nn.Parameter(whole)),
      "views": [
        whole[1:, ::2],
        whole.permute(2, 0, 1),
        whole[:0],
        whole[0, 0, 0].expand(2, 3),
      ],
      "scalar": torch.tensor(7.0),
      "rest": ("text", 3, 0.5, None, True),
    }
    loaded = self.load(torch_pickles.saved(value, as_zip))
    np.testing.assert_array_equal(loaded["params"]["weight"], whole)
    for ours, theirs in zip(loaded["views"], value["views"], strict=True):
      np.testing.assert_array_equal(ours, theirs)
    self.assertEqual(loaded["scalar"].shape, ())
    self.assertEqual(loaded["scalar"], 7)
    self.assertEqual(loaded["rest"], value["rest"])

  def test_as_old_torch_named_it(self):
    data = torch_pickles.saved({"x": torch.ones(3)}, as_zip=False)
    old = data.replace(b"_rebuild_tensor_v2", b"_rebuild_tensor")
    np.testing.assert_array_equal(self.load(old)["x"], np.ones(3))


class BadFileTest(image_files.FolderTestCase):
  def refuse(self, data: bytes, sentence: str = "") -> None:
    path = self.file("x.pth", data)
    with self.assertRaisesRegex(errors.InputError, f"{path} .*{sentence}"):
      torch_file.load(path)

  @FORMATS
  def test_cut_short_anywhere(self, as_zip):
    data = torch_pickles.saved(
      {"x": torch.ones(2, 3), "y": torch.ones(4)}, as_zip
    )
    for size in range(len(data)):
      self.refuse(data[:size])

  @FORMATS
  def test_any_byte_changed(self, as_zip):
    value = torch.nn.Linear(2, 3).state_dict()
    data = torch_pickles.saved(value, as_zip)
    for i in range(len(data)):
      changed = bytearray(data)
      changed[i] ^= 0xFF
      try:
        torch_file.load(self.file("x.pth", changed))
      except errors.InputError as error:
        self.assertIn("x.pth", str(error))

  @FORMATS
  def test_object_that_runs_code(self, as_zip):
    marker = self.folder / "ran"
    self.refuse(
      torch_pickles.saved({"x": torch_pickles.Runs(marker)}, as_zip),
      "asks for posix.mkdir, which",
    )
    self.assertFalse(marker.exists())

  @parameterized.parameters(range(5))
  def test_each_pickle_of_the_older_format(self, place):
    data = torch_pickles.saved({"x": torch.ones(2)}, as_zip=False)
    file = io.BytesIO(data)
    bounds = [0]
    for _ in range(5):
      if len(bounds) == 4:  # the one with storages
        position = data.index(b"s.", bounds[-1]) + 2
        file.seek(position)
      else:
        pickle.load(file)
      bounds.append(file.tell())
    marker = self.folder / "ran"
    hostile = pickle.dumps(torch_pickles.Runs(marker), protocol=2)
    self.refuse(data[: bounds[place]] + hostile + data[bounds[place + 1] :])
    self.assertFalse(marker.exists())

  @parameterized.parameters(
    b"cbuiltins\neval\n(V1\ntR.",
    b"c__builtin__\nexec\n(V1\ntR.",
    b"(Vtrue\nios\nsystem\n.",
    b"\x80\x04\x8c\x0ctorch._utils\x8c\x1e_rebuild_tensor_v2.__globals__\x93.",
    b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93.",
    b"ctorch\nload\n(Vx\ntR.",
    b"ctorchvision.models.vgg\nVGG\n)\x81.",
    b"\x80\x02\x82\x01.",
  )
  def test_names_that_arrays_do_not_need(self, data):
    self.refuse(torch_pickles.archive(data))

  def test_whole_model(self):
    self.refuse(
      torch_pickles.saved(torch.nn.Linear(2, 2), as_zip=True),
      "asks for torch.nn.modules.linear.Linear, .* save model.state_dict",
    )

  @parameterized.parameters(
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch\nFloatStorage\n",
  )
  def test_nothing_of_ours_is_changed(self, name):
    # BUILD sets attributes of what a pickle has named.
    state = b"(N}V__defaults__\nNsV__setstate__\nNst"
    self.refuse(torch_pickles.archive(name + state + b"b."))
    good = {"x": torch.ones(2)}
    loaded = torch_file.load(
      self.file("x.pth", torch_pickles.saved(good, as_zip=True))
    )
    np.testing.assert_array_equal(loaded["x"], np.ones(2))

  def test_tensor_made_by_hand(self):
    storage = np.arange(4, dtype=np.float32).tobytes()
    path = self.file(
      "x.pth",
      torch_pickles.archive(torch_pickles.tensor((2, 2), (1, 2)), storage),
    )
    np.testing.assert_array_equal(torch_file.load(path)["x"], [[0, 2], [1, 3]])

  @parameterized.parameters(
    dict(size=(5,), strides=(1,)),
    dict(size=(4,), strides=(2,)),
    dict(size=(4,), strides=(1,), offset=1),
    dict(size=(4,), strides=(-1,), offset=3),
    dict(size=(2,), strides=(1,), offset=-1),
    dict(size=(-2, -2), strides=(1, 1)),
    dict(size=(2,), strides=(1, 1)),
    dict(size=(), strides=(), offset=4),
    dict(size=(2,), strides=(2**62,)),
    dict(size=(4,), strides=(1,), count=5),
    dict(size=(2,), strides=(1,), kind="Double"),
    dict(size=(2,), strides=(1,), kind="Untyped"),
  )
  def test_tensor_beyond_its_storage(self, **changes):
    self.refuse(torch_pickles.archive(torch_pickles.tensor(**changes)))

  def test_storage_larger_than_the_file(self):
    data = torch_pickles.saved({"x": torch.ones(9)}, as_zip=False)
    # The storage's element count, then the tensor's size.
    huge = data.replace(b"K\x09N", b"J\xff\xff\xff\x7fN", 1)
    self.assertNotEqual(huge, data)
    self.refuse(huge, "is a damaged torch file, or one that is cut short")

  def test_other_archives(self):
    self.refuse(
      torch_pickles.archive(b"N.", compression=zipfile.ZIP_DEFLATED),
      "are compressed",
    )
    buffer = io.BytesIO()
    np.savez(buffer, x=np.ones(3))
    self.refuse(buffer.getvalue(), "without data.pkl")

  @parameterized.parameters(b"", b"\x80\x02}.", b"PK", b"<html>", b"x" * 999)
  def test_other_files(self, data):
    self.refuse(data, "does not begin like one")

  def test_no_file(self):
    with self.assertRaisesRegex(errors.InputError, "nope.*No such file"):
      torch_file.load(self.folder / "nope.pth")


if __name__ == "__main__":
  absltest.main()
