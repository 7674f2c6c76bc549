"""VGG-19 in each of the public file formats."""

import pathlib

import h5py
import numpy as np
import safetensors
import safetensors.numpy
import torch

from srfeat_jax.models import vgg19

CAFFE = {"preprocessing": "caffe", "pooling": "ceil", "clip": False}


TORCHVISION = {
  "preprocessing": "torchvision",
  "pooling": "floor",
  "clip": False,
}


def layers(state) -> dict[str, list[np.ndarray]]:
  """[kernel, bias] of each layer in TensorFlow's layout, by our names."""
  arrays = iter(state.values())
  return {
    layer: [next(arrays).numpy().transpose(2, 3, 1, 0), next(arrays).numpy()]
    for layer in vgg19.CHANNELS
  }


def keras_name(layer: str) -> str:
  return f"block{layer[4]}_conv{layer[6]}"


def write_keras(path, state, root="", leaves="{0}/{0}_W_1:0 {0}/{0}_b_1:0"):
  with h5py.File(path, "w") as file:
    file.create_group(f"{root}block1_pool")
    file[f"{root}fc1/fc1_W_1:0"] = np.ones((4, 2), np.float32)
    for layer, arrays in layers(state).items():
      names = leaves.format(keras_name(layer)).split()
      for name, array in zip(names, arrays, strict=True):
        file[root + name] = array


def write(kind: str, path: pathlib.Path, state) -> None:
  """Writes VGG-19 in a public format."""
  # The files also have what comes after the convolutions.
  rest = {"classifier.0.weight": torch.ones(2, 4)}
  match kind:
    case "torch" | "torch before 2020":
      torch.save(
        state | rest,
        path,
        _use_new_zipfile_serialization=kind == "torch",
      )
    case "safetensors":
      arrays = {k: v.numpy() for k, v in (state | rest).items()}
      safetensors.numpy.save_file(arrays, path, {"format": "pt"})
    case "keras":
      write_keras(path, state)
    case "newer keras":
      write_keras(
        path, state, "model_weights/", "{0}/{0}/kernel:0 {0}/{0}/bias:0"
      )
    case "npy":
      saved = layers(state) | {"fc6": [np.ones((4, 2)), np.ones(2)]}
      np.save(path, saved, allow_pickle=True)
    case "npy of dicts":
      saved = {k: dict(enumerate(v)) for k, v in layers(state).items()}
      np.save(path, saved, allow_pickle=True)
