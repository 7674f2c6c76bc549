"""A prepared set as a source of training images, see `sources`."""

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from srfeat_jax import errors
from srfeat_jax.data import manifest as manifest_lib
from srfeat_jax.data import pairs, records, shards


class Prepared:
  """The images of a prepared set that are at least as large as a crop.

  A source of pairs if the set has them.
  """

  def __init__(self, folder: str | os.PathLike, min_size: int):
    """Reads the manifest and finds the shards; opens none yet.

    Args:
      folder: of the set.
      min_size: images with fewer pixels on a side are left out.

    Raises:
      errors.InputError: the set is not finished, damaged, or of another
        version; or none of its images is large enough.
    """
    folder = pathlib.Path(folder)
    self.location = os.fspath(folder)
    manifest = manifest_lib.read(folder)
    self._shards = shards.Shards(
      [folder / shard.name for shard in manifest.shards],
      [shard.records for shard in manifest.shards],
    )
    self._folder, self._manifest = folder, manifest
    self._indices: Sequence[int] = range(manifest.records)
    if manifest.min_size < min_size:
      self._indices = _large_enough(folder, manifest, min_size)
    if not self._indices:
      raise errors.InputError(
        f"{folder} holds no image of {min_size}x{min_size} or more:"
        " use a smaller config.crop_size, or prepare the set with larger images"
      )
    self.mean_bytes = manifest.mean_bytes
    self.pair_scale = manifest.lr_scale
    self.has_teacher = manifest.has_teacher
    digest = hashlib.sha256(
      "".join(shard.sha256 for shard in manifest.shards).encode()
    ).hexdigest()[:12]
    kind = "prepared pairs" if self.pair_scale else "prepared"
    self.identity = f"{len(self)} {kind}, {digest}"

  def __len__(self) -> int:
    return len(self._indices)

  def __getitem__(self, index: int) -> np.ndarray | pairs.Pair:
    record = self.record(index)
    if record.lr is None:
      return record.hr
    return pairs.Pair(record.hr, record.lr, record.teacher)

  read = __getitem__  # a damaged one ends the run

  @property
  def sizes(self) -> list[tuple[int, int]] | list[pairs.Pair]:
    """Height and width of each image, or of all of each pair.

    Raises:
      errors.InputError: the set is damaged.
    """
    files = _files(self._folder, self._manifest)
    scale = self._manifest.lr_scale
    if scale is None:
      return [tuple(files[index]["size"]) for index in self._indices]
    sizes = []
    for file in (files[index] for index in self._indices):
      # The size is that of what LR shows, and HR is stored whole.
      height, width = file["size"]
      lr = height // scale, width // scale
      hr = file["height"], file["width"]
      sizes.append(pairs.used_sizes(hr, lr, scale, self.has_teacher))
    return sizes

  def record(self, index: int) -> records.Record:
    """Reads an image with what is stored beside it.

    Raises:
      errors.InputError: its shard is missing or damaged.
    """
    place = self._indices[index]
    data = self._shards[place]
    try:
      return records.decode(data)
    except errors.InputError as error:
      raise errors.InputError(
        f"{self._shards.path_of(place)}: {error}; copy it again, or delete it"
        " and run the same command of srfeat_jax.prepare, which makes it again"
      ) from error


def _large_enough(
  folder: pathlib.Path, manifest: manifest_lib.Manifest, min_size: int
) -> list[int]:
  """Indices of the records with at least so many pixels on each side."""
  files = _files(folder, manifest)
  indices = [i for i, file in enumerate(files) if min(file["size"]) >= min_size]
  if len(indices) < manifest.records:
    logging.warning(
      "%s: %d of %d images are left out because they are smaller than a crop of"
      " %dx%d",
      *(folder, manifest.records - len(indices), manifest.records),
      *(min_size, min_size),
    )
  return indices


def _files(
  folder: pathlib.Path, manifest: manifest_lib.Manifest
) -> list[dict[str, Any]]:
  """What the set says of the file of each record."""
  files = []
  for entry in manifest_lib.read_files(folder, manifest):
    files += [entry] * entry.get("records", 0)
  return files
