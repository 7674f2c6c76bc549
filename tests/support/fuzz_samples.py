"""A small file of each format that is read, and what reads it."""

import dataclasses
import functools
import io
import pathlib
import tempfile
import zipfile
from collections.abc import Callable

import jax
import numpy as np
import safetensors.numpy
from PIL import Image

from srfeat_jax import models
from srfeat_jax.image_io import images, pictures
from srfeat_jax.interchange import generator_file, lpips_file
from srfeat_jax.interchange.containers import (
  hdf5_file,
  npy_file,
  safetensors_file,
  torch_writer,
)
from srfeat_jax.interchange.layouts import basicsr, srfeat

_IMAGE = (images.read, images.size, pictures.read)
_ANIMATION = (pictures.read,)  # images takes no GIF
_WEIGHTS = (generator_file.load,)


@dataclasses.dataclass(frozen=True)
class Sample:
  """A format.

  Attributes:
    data: what is changed: a file, or the part of one that `wrap` makes whole.
    readers: functions of a path that read such a file.
    wrap: puts the part into the file, where a checksum would refuse any change
      of the file itself before it is looked at.
  """

  data: bytes
  readers: tuple[Callable, ...]
  wrap: Callable[[bytes], bytes] = bytes


@functools.cache
def make() -> dict[str, Sample]:
  """Returns the samples by their format's name."""
  return {**_images(), **_weights()}


def _images() -> dict:
  rng = np.random.default_rng(0)
  rgb = Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8))
  alpha = Image.fromarray(rng.integers(0, 256, (9, 7, 4), np.uint8))
  deep = Image.fromarray(rng.integers(0, 65536, (9, 7), np.uint16))
  noted = Image.Exif()
  noted[0x0112] = 6

  def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()

  frames = {"save_all": True, "append_images": [alpha.rotate(90)] * 2}
  files = {
    "png": encode(rgb, "PNG", exif=noted),
    "png_alpha": encode(alpha, "PNG"),
    "png_palette": encode(rgb.quantize(4), "PNG"),
    "png_16_bits": encode(deep, "PNG"),
    "jpeg": encode(rgb, "JPEG", exif=noted),
    "jpeg_cmyk": encode(rgb.convert("CMYK"), "JPEG"),
    "jpeg_progressive": encode(rgb, "JPEG", progressive=True),
    "webp": encode(rgb, "WEBP", exif=noted),
    "webp_lossless": encode(alpha, "WEBP", lossless=True),
    "bmp": encode(rgb, "BMP"),
    "tiff": encode(rgb, "TIFF", exif=noted),
    "tiff_lzw": encode(rgb, "TIFF", compression="tiff_lzw"),
    "tiff_16_bits": encode(deep, "TIFF"),
  }
  animations = {
    "gif": encode(rgb.quantize(8), "GIF"),
    "gif_animated": encode(alpha, "GIF", duration=50, **frames),
    "png_animated": encode(alpha, "PNG", duration=50, **frames),
    "webp_animated": encode(alpha, "WEBP", duration=50, **frames),
  }
  return {name: Sample(data, _IMAGE) for name, data in files.items()} | {
    name: Sample(data, _ANIMATION) for name, data in animations.items()
  }


def _weights() -> dict:
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "x")
    config, variables = _generator({"architecture": "rrdbnet", "growth": 2})
    state = basicsr.state_dict(config, variables)
    safetensors_file.save(path, config, variables)
    ours = path.read_bytes()
    torch_writer.save(path, "params", state)
    pth = path.read_bytes()
    buffer = io.BytesIO()
    np.savez(buffer, **_srresnet())
    srresnet = buffer.getvalue()
    objects = np.empty(40, object)
    objects[:] = [
      np.ones(shape, np.float32) for _, shape in srfeat._layout(3, 2)
    ]
    buffer = io.BytesIO()
    np.savez(buffer, params=objects)
    official = buffer.getvalue()
    buffer = io.BytesIO()
    np.save(buffer, {"conv1_1": [np.ones((3, 3), np.float32)]})
    npy = buffer.getvalue()
  samples = {
    "safetensors": (ours, _WEIGHTS),
    "safetensors_basicsr": (
      safetensors.numpy.save(state, {"format": "pt"}),
      _WEIGHTS,
    ),
    "pth": (pth, _WEIGHTS),
    "pth_pickle": _part(pth, "archive/data.pkl"),
    "pth_legacy": (_legacy(), _WEIGHTS),
    "npz_srresnet": (srresnet, _WEIGHTS),
    "npz_array": _part(srresnet, "conv1.0.weight.npy"),
    "npz_pickle": _part(official, "params.npy"),
    "npz_srfeat": (official, _WEIGHTS),
    "npy": (npy, (npy_file.load,)),
    "npz_lpips": (srresnet, (lpips_file._read,)),
  }
  if (hdf5 := _hdf5()) is not None:
    samples["hdf5"] = (hdf5, (hdf5_file.load,))
  return {name: Sample(*each) for name, each in samples.items()}


def _part(archive: bytes, name: str) -> tuple[bytes, tuple, Callable]:
  """A member of a zip archive of weights, and how it is put back."""
  with zipfile.ZipFile(io.BytesIO(archive)) as file:
    members = {each: file.read(each) for each in file.namelist()}

  def wrap(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
      for each, content in (members | {name: data}).items():
        file.writestr(each, content)
    return buffer.getvalue()

  return members[name], _WEIGHTS, wrap


def _generator(config: dict) -> tuple[dict, dict]:
  config = generator_file.complete({"features": 2, "num_blocks": 1} | config)
  shapes = models.shapes(models.build(config))
  return config, jax.tree.map(lambda x: np.ones(x.shape, np.float32), shapes)


def _srresnet() -> dict[str, np.ndarray]:
  """A state dict of one block, as PyTorch users have it."""
  shapes = {"conv1.0.weight": (2, 3, 9, 9), "conv1.0.bias": (2,)}
  shapes["conv1.1.weight"] = (1,)
  for conv, norm in (("b.0.0", "b.0.1"), ("b.0.3", "b.0.4"), ("c.0", "c.1")):
    shapes[f"{conv}.weight"] = (2, 2, 3, 3)
    for leaf in ("weight", "bias", "running_mean", "running_var"):
      shapes[f"{norm}.{leaf}"] = (2,)
    if conv == "b.0.0":
      shapes["b.0.2.weight"] = (1,)
  for i in range(2):
    shapes |= {f"up.{i}.0.weight": (8, 2, 3, 3), f"up.{i}.0.bias": (8,)}
    shapes[f"up.{i}.2.weight"] = (1,)
  shapes |= {"last.weight": (3, 2, 9, 9), "last.bias": (3,)}
  return {
    name: np.full(shape, 0.1, np.float32) for name, shape in shapes.items()
  }


def _legacy() -> bytes:
  """RRDBNet as torch wrote files until 2020."""
  import torch  # what the tests need too

  made = _generator({"architecture": "rrdbnet", "growth": 2})
  state = basicsr.state_dict(*made)
  buffer = io.BytesIO()
  torch.save(
    {name: torch.from_numpy(array) for name, array in state.items()},
    buffer,
    _use_new_zipfile_serialization=False,
  )
  return buffer.getvalue()


def _hdf5() -> bytes | None:
  """A file as Keras', or None without h5py."""
  try:
    import h5py
  except ImportError:
    return None
  buffer = io.BytesIO()
  with h5py.File(buffer, "w") as file:
    file["block1_conv1/kernel"] = np.ones((3, 3, 3, 4), np.float32)
    file.create_dataset("packed", data=np.ones(99), compression="gzip")
  return buffer.getvalue()
