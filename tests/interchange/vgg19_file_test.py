"""VGG-19 from each of the public file formats."""

import functools
import hashlib
import json
import pathlib
import unittest
from unittest import mock

import h5py
import jax
import numpy as np
import safetensors
import safetensors.numpy
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.image_io import images
from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.ops import resize
from tests.support import image_files, paths, torch_pickles, vgg19_files
from tests.support.torch_networks import torch_vgg


@functools.cache
def forward():
  """One compiled network for all files."""
  return jax.jit(vgg19.VGG19(("conv2_2", "relu5_4")).apply)


class FormatsTest(image_files.FolderTestCase):
  @parameterized.parameters(
    ("torch", "torchvision", vgg19_files.TORCHVISION),
    ("torch before 2020", "torchvision", vgg19_files.TORCHVISION),
    ("safetensors", "torchvision", vgg19_files.TORCHVISION),
    ("keras", "Keras", vgg19_files.CAFFE),
    ("newer keras", "Keras", vgg19_files.CAFFE),
    ("npy", "vgg19.npy", vgg19_files.CAFFE),
    ("npy of dicts", "vgg19.npy", vgg19_files.CAFFE),
  )
  def test_same_features(self, kind, whose, settings):
    # A name without an extension: the content alone tells.
    path = self.folder / "vgg"
    vgg19_files.write(kind, path.with_suffix(".npy"), torch_vgg.state())
    path.with_suffix(".npy").rename(path)
    source = vgg19_file.load(str(path))
    self.assertEqual(source.kind, whose)
    self.assertEqual(source.settings, settings)
    self.assertEqual(
      {leaf.dtype for leaf in jax.tree.leaves(source.variables)},
      {np.dtype(np.float32)},
    )
    image = np.random.default_rng(1).random((1, 32, 32, 3), np.float32)
    features = forward()(source.variables, image)
    for layer, ours in features.items():
      theirs = torch_vgg.compute(image, layer, "torchvision", "floor")
      np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-4)

  def test_converted(self):
    source = self.folder / "vgg19-random.pth"
    vgg19_files.write("torch", source, torch_vgg.state())
    output = self.folder / "vgg.safetensors"
    written = vgg19_file.convert(str(source), output, pooling="ceil", clip=True)
    read = vgg19_file.load(str(output))
    settings = vgg19_files.TORCHVISION | {"pooling": "ceil", "clip": True}
    self.assertEqual(written.settings, settings)
    self.assertEqual(read.settings, settings)
    jax.tree.map(
      np.testing.assert_array_equal, read.variables, written.variables
    )
    with safetensors.safe_open(output, framework="numpy") as file:
      metadata = file.metadata()
    self.assertEqual(json.loads(metadata["settings"]), settings)
    self.assertEqual(metadata["source"], "vgg19-random.pth (torchvision)")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    self.assertEqual(metadata["source_sha256"], digest)

  def test_half_precision(self):
    halves = {k: v.bfloat16() for k, v in torch_vgg.state().items()}
    torch.save(halves, self.folder / "vgg.pth")
    params = vgg19_file.load(str(self.folder / "vgg.pth")).variables["params"]
    self.assertEqual(params["conv5_4"]["bias"].dtype, np.float32)
    np.testing.assert_array_equal(
      params["conv5_4"]["bias"], halves["features.34.bias"].float()
    )


def hollow(depth: int = 19) -> dict[str, torch.Tensor]:
  """A state dict of the right names and shapes that takes no memory."""
  with torch.device("meta"):
    module = torch_vgg.features(depth)
  return {
    f"features.{name}": torch.zeros(()).expand(value.shape)
    for name, value in module.state_dict().items()
  }


class BadFileTest(image_files.FolderTestCase):
  def refuse(self, path: pathlib.Path, *parts: str) -> None:
    with self.assertRaises(errors.InputError) as caught:
      vgg19_file.load(str(path))
    for part in (str(path), *parts):
      self.assertIn(part, str(caught.exception))

  def save(self, state) -> pathlib.Path:
    """Writes safetensors."""
    path = self.folder / "vgg.safetensors"
    arrays = {k: np.ascontiguousarray(v) for k, v in state.items()}
    safetensors.numpy.save_file(arrays, path)
    return path

  @parameterized.parameters((16, "VGG-16", 12), (11, "VGG-11", 28))
  def test_another_depth(self, depth, name, missing):
    self.refuse(
      self.save(hollow(depth)),
      f"is not VGG-19 as torchvision names it but looks like {name}: {missing}"
      " missing: features.1",
      " unexpected: features.1",
      " of another shape: features.1",
      ") instead of (",
    )

  def test_another_depth_of_keras(self):
    with h5py.File(self.folder / "x.h5", "w") as file:
      for layer in vgg19.CHANNELS:
        if layer not in ("conv3_4", "conv4_4", "conv5_4"):
          name = vgg19_files.keras_name(layer)
          file.create_dataset(f"{name}/kernel:0", (3, 3, 1, 1), "f4")
          file.create_dataset(f"{name}/bias:0", (1,), "f4")
    self.refuse(
      self.folder / "x.h5",
      "is not VGG-19 as Keras names it but looks like VGG-16: ",
      "6 missing: block3_conv4/bias, block3_conv4/kernel, block4_conv4/bias",
    )

  def test_partial(self):
    state = hollow()
    del state["features.34.bias"]
    self.refuse(self.save(state), "names it: 1 missing: features.34.bias")

  def test_batch_normalization(self):
    state = hollow() | {"features.1.running_mean": torch.zeros(64)}
    self.refuse(self.save(state), "1 unexpected: features.1.running_mean")

  def test_another_shape(self):
    state = hollow() | {"features.0.weight": torch.zeros(64, 1, 3, 3)}
    self.refuse(
      self.save(state),
      "features.0.weight (64, 1, 3, 3) instead of (64, 3, 3, 3)",
    )

  def test_whole_numbers(self):
    state = hollow() | {"features.0.bias": torch.zeros(64, dtype=torch.int8)}
    self.refuse(self.save(state), "features.0.bias as int8")

  def test_another_network(self):
    self.refuse(self.save({"head.weight": np.ones(3)}), "32 missing: ")
    path = self.folder / "x.pth"
    torch.save([torch.ones(3)], path)
    self.refuse(path, "32 missing: ")
    path = self.folder / "x.npy"
    np.save(path, {"conv1_1": 3, 4: "x"}, allow_pickle=True)
    self.refuse(path, "32 missing: conv1_1[0], ")
    np.save(path, np.ones(3))
    self.refuse(path, "is an array")

  @parameterized.parameters(
    "torch", "torch before 2020", "safetensors", "keras", "npy"
  )
  def test_cut_short(self, kind):
    path = self.folder / "x.npy"
    vgg19_files.write(kind, path, torch_vgg.state())
    size = path.stat().st_size
    for kept in (size - 1, size // 2, 400, 20):
      with open(path, "r+b") as file:
        file.truncate(kept)
      self.refuse(path)

  @parameterized.parameters(b"", b"\x89PNG\r\n\x1a\n", b"<html></html>")
  def test_another_kind_of_file(self, data):
    self.refuse(self.file("x.pth", data), "is not a file with VGG-19", ".npy")

  def test_damaged_hdf5(self):
    path = self.folder / "x.h5"
    with h5py.File(path, "w") as file:
      for i in range(2):
        name = f"block1_conv{i}"
        file[f"{name}/kernel:0"] = np.ones((3, 3, 2, 2), np.float32)
        file[f"{name}/bias:0"] = np.ones(2, np.float32)
    data = path.read_bytes()
    for i in range(0, len(data), 7):
      changed = bytearray(data)
      changed[i] ^= 0xFF
      self.refuse(self.file("x.h5", changed))

  @parameterized.parameters("x.pth", "x.npy")
  def test_hostile(self, name):
    path, marker = self.folder / name, self.folder / "ran"
    hostile = torch_pickles.Runs(marker)
    if name == "x.pth":
      torch.save(hollow() | {"features.0.bias": hostile}, path)
    else:
      np.save(path, {"conv1_1": hostile}, allow_pickle=True)
    self.refuse(path, "asks for posix.mkdir")
    self.assertFalse(marker.exists())

  def test_missing(self):
    path = self.folder / "weights" / "vgg.safetensors"
    self.refuse(
      path,
      "download https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
      "sha256 dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
      f"python -m srfeat_jax.convert vgg19 vgg19-dcbb9e9d.pth --output={path}",
    )

  def test_missing_file_of_caffe(self):
    self.refuse(
      self.folder / "vgg19.npy",
      "/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
      "MD5 253f8cb515780f3b799900260a226db6",
      "launch/install.sh convert",
    )

  def test_npz(self):
    path = self.folder / "x.npz"
    np.savez(path, conv1_1=np.ones(3))
    self.refuse(
      path,
      "is not a file with VGG-19 that this program can read: expected",
      "torchvision's .pth",
    )

  def test_torch_file_of_an_interrupted_download(self):
    path = self.folder / "x.pth"
    torch.save({"features.0.bias": torch.ones(64)}, path)
    path.write_bytes(path.read_bytes()[:-200])
    self.refuse(path, "cut short, as after an interrupted download")

  def test_not_named(self):
    with self.assertRaisesRegex(errors.InputError, 'no file "" .*=vgg19.safe'):
      vgg19_file.load("")

  def test_h5py_missing(self):
    path = self.file("x.h5", b"\x89HDF\r\n\x1a\n")
    with mock.patch.dict("sys.modules", h5py=None):
      self.refuse(path, "needs h5py: run launch/install.sh convert")

  def test_setting_it_cannot_take(self):
    path = self.folder / "vgg.npy"
    vgg19_files.write("npy", path, torch_vgg.state())
    output = self.folder / "out.safetensors"
    with self.assertRaisesRegex(errors.InputError, "pooling: there is no 'x'"):
      vgg19_file.convert(str(path), output, pooling="x")
    self.assertFalse(output.exists())


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class RealWeightsTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    path = paths.DATA / "weights"
    path /= "vgg19_weights_tf_dim_ordering_tf_kernels_notop.f16.h5"
    cls.source = vgg19_file.load(str(path))
    network = vgg19.VGG19(("relu1_2", "relu5_4"), **cls.source.settings)
    cls.apply = staticmethod(jax.jit(network.apply))

  def features(self, levels: np.ndarray) -> dict[str, np.ndarray]:
    image = levels[None].astype(np.float32) / 255
    return jax.device_get(self.apply(self.source.variables, image))

  def test_is_caffes(self):
    self.assertEqual(self.source.settings, vgg19_files.CAFFE)
    self.assertEqual(self.source.kind, "Keras")

  def test_gan_image_is_nearest_in_deep_features(self):
    """A GAN-trained network's image is nearest in deep features only."""
    name = "img_002"
    sets = paths.DATA / "benchmarks" / "Set5"
    anchors = paths.DATA / "reference" / "anchors_set5_x4"
    target = self.features(images.read_rgb(sets / "HR" / f"{name}.png"))
    self.assertEqual(target["relu5_4"].shape, (1, 18, 18, 512))
    lr = images.read_rgb(sets / "LRx4" / f"{name}.png")
    gan, mse = (
      images.read_rgb(anchors / f"{name}_{method}.png")
      for method in ("srgan_leftthomas_v2", "srresnet8_pytorch_tutorial")
    )

    def distances(layer):
      return [
        np.mean(np.square(self.features(sr)[layer] - target[layer]))
        for sr in (gan, mse, resize.resize(lr, 4))
      ]

    gan_deep, mse_deep, bicubic_deep = distances("relu5_4")
    self.assertLess(gan_deep, 0.95 * mse_deep)
    self.assertLess(mse_deep, 0.75 * bicubic_deep)
    gan_shallow, mse_shallow, bicubic_shallow = distances("relu1_2")
    self.assertLess(mse_shallow, 0.95 * gan_shallow)
    self.assertLess(gan_shallow, 0.75 * bicubic_shallow)

  def test_deep_features_are_sparse(self):
    hr = images.read_rgb(paths.DATA / "benchmarks/Set5/HR/img_002.png")
    features = self.features(hr)
    active = {name: np.mean(value > 0) for name, value in features.items()}
    self.assertBetween(active["relu5_4"], 0.02, 0.15)
    self.assertGreater(active["relu1_2"], 0.3)


if __name__ == "__main__":
  absltest.main()
