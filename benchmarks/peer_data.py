"""Crops by a PyTorch DataLoader, as its users write it."""

import pathlib
import random

import numpy as np
import torch


class Crops(torch.utils.data.Dataset):
  """Random crops in eight orientations of the images in a folder."""

  def __init__(self, folder: str, decoder: str, size: int):
    """Lists the files.

    Args:
      folder: of images.
      decoder: "pillow" or "opencv".
      size: pixels on each side of a crop.
    """
    self._paths = sorted(pathlib.Path(folder).iterdir())
    self._crop = {"pillow": _with_pillow, "opencv": _with_opencv}[decoder]
    self._size = size

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, index: int) -> torch.Tensor:
    """A crop, uint8 [size, size, 3]."""
    crop = self._crop(self._paths[index], self._size)
    crop = np.rot90(crop, random.randrange(4))
    if random.random() < 0.5:
      crop = crop[:, ::-1]
    return torch.from_numpy(crop.copy())


class _Shuffled(torch.utils.data.Sampler):
  """All files in random order, again and again."""

  def __init__(self, count: int):
    self._count = count

  def __iter__(self):
    while True:
      yield from torch.randperm(self._count).tolist()


def loader(
  folder: str, decoder: str, size: int, batch_size: int, num_workers: int
) -> torch.utils.data.DataLoader:
  """The loader of endless batches, uint8 [batch_size, size, size, 3]."""
  crops = Crops(folder, decoder, size)
  return torch.utils.data.DataLoader(
    crops,
    batch_size=batch_size,
    sampler=_Shuffled(len(crops)),
    num_workers=num_workers,
    drop_last=True,
  )


def _with_pillow(path: pathlib.Path, size: int) -> np.ndarray:
  from PIL import Image

  with Image.open(path) as file:
    image = file.convert("RGB")  # as torchvision's loader
  left, top = (random.randrange(side - size + 1) for side in image.size)
  return np.asarray(image.crop((left, top, left + size, top + size)))


def _with_opencv(path: pathlib.Path, size: int) -> np.ndarray:
  import cv2

  cv2.setNumThreads(0)  # the workers are as many as the cores
  image = cv2.imread(str(path))
  top, left = (random.randrange(side - size + 1) for side in image.shape[:2])
  return cv2.cvtColor(
    image[top : top + size, left : left + size], cv2.COLOR_BGR2RGB
  )
