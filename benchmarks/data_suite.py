"""Crops per second that reach the device, next to a PyTorch DataLoader.

Ours and PyTorch read the same photos: JPEG, PNG, and cut beforehand, which is a
prepared set for us and a folder of PNG sub-images for PyTorch. Each measurement
is made in a process of its own (`data_rate`), in turns.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from benchmarks import data_rate, sample_photos
from srfeat_jax.data import records, shards, threads
from srfeat_jax.image_io import images
from srfeat_jax.preparation import planning, recipes, sets

_H200 = 1000  # crops of 296 px a second that one trains on
_PHOTOS = 24
# How often each is in the folders: to shuffle a folder of so few files takes
# grain a millisecond or two a crop.
_COPIES = 20
_DRAWN_SIZE = 1200  # pixels on each side of what stands in for a photo
_REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Row:
  """What is measured.

  Attributes:
    case: its name.
    input: a folder or prepared set within that of all inputs.
    who: "ours", or what decodes for PyTorch: "pillow" or "opencv".
    peer_input: of a row of ours, what PyTorch reads in its place.
    workers: processes; -1: one for each core.
    crops_per_image: cut from each decoded image.
    cache_gib: memory for decoded images.
    on_device: "batches" if devices cut crops out of images in their memory,
      "cut" for that alone, without what the host draws.
  """

  case: str
  input: str
  who: str = "ours"
  peer_input: str = ""
  workers: int = 0
  crops_per_image: int = 1
  cache_gib: float = 0.0
  on_device: str = ""


_ON_DEVICE = Row(
  "set in device memory", "raw", peer_input="crops", on_device="batches"
)
_ROWS = (
  Row("JPEG folder", "jpeg"),
  Row("JPEG folder", "jpeg", workers=-1),
  Row("JPEG folder, 8 crops an image", "jpeg", crops_per_image=8),
  Row(
    "JPEG folder, decoded images kept",
    "few",
    peer_input="jpeg",
    cache_gib=2.0,
  ),
  Row("PNG folder", "png"),
  Row("prepared set", "raw", peer_input="crops"),
  Row("prepared set", "raw", peer_input="crops", workers=-1),
  Row("prepared set, PNG records", "png_set", peer_input="crops"),
  _ON_DEVICE,
  Row("set in device memory, the cut alone", "raw", on_device="cut"),
  *(
    Row(case, input_, who, workers=-1)
    for who in ("pillow", "opencv")
    for case, input_ in (
      ("JPEG folder", "jpeg"),
      ("PNG folder", "png"),
      ("PNG sub-images", "crops"),
    )
  ),
)
_TINY = (
  _ROWS[0],
  Row("prepared set", "raw", peer_input="crops"),
  _ON_DEVICE,
  Row("JPEG folder", "jpeg", "pillow", workers=-1),
)


def measure(seconds: float, repeats: int, tiny: bool = False) -> list[dict]:
  """Measures all rows in turns.

  Args:
    seconds: how long each is measured in each turn.
    repeats: the number of turns.
    tiny: small images and few rows, to test the benchmark itself.
  """
  rows = [row for row in (_TINY if tiny else _ROWS) if _installed(row.who)]
  crop_size, batch_size = (16, 2) if tiny else (296, 16)
  with tempfile.TemporaryDirectory() as folder:
    _make_inputs(pathlib.Path(folder), crop_size, tiny)
    turns = [
      [_in_process(row, folder, crop_size, batch_size, seconds) for row in rows]
      for _ in range(repeats)
    ]
  results = [
    _summary(row, [turn[i] for turn in turns]) for i, row in enumerate(rows)
  ]
  for row, result in zip(rows, results, strict=True):
    result |= {"crop_size": crop_size, "batch_size": batch_size}
    theirs = [
      each["crops_per_s"]
      for peer, each in zip(rows, results, strict=True)
      if peer.who != "ours" and peer.input == (row.peer_input or row.input)
    ]
    if row.who == "ours" and theirs:
      result["ours_is_faster_by"] = result["crops_per_s"] / max(theirs)
  return results


def _installed(who: str) -> bool:
  module = {"ours": "grain", "pillow": "torch", "opencv": "cv2"}[who]
  return importlib.util.find_spec(module) is not None


def _in_process(
  row: Row, folder: str, crop_size: int, batch_size: int, seconds: float
) -> dict:
  request = data_rate.Request(
    path=os.path.join(folder, row.input),
    who=row.who,
    workers=threads.workers(row.workers),
    crops_per_image=row.crops_per_image,
    cache_gib=row.cache_gib,
    on_device=row.on_device,
    crop_size=crop_size,
    batch_size=batch_size,
    seconds=seconds,
  )
  output = pathlib.Path(folder, "result.json")
  subprocess.run(
    [
      *(sys.executable, "-m", "benchmarks.data_rate"),
      *(json.dumps(dataclasses.asdict(request)), str(output)),
    ],
    cwd=_REPOSITORY,
    check=True,
  )
  return json.loads(output.read_text())


def _summary(row: Row, turns: list[dict]) -> dict:
  rates = [turn["crops_per_s"] for turn in turns]
  cpu = statistics.median(turn["cpu_s_per_crop"] for turn in turns)
  return {
    "case": row.case,
    "who": row.who,
    "workers": threads.workers(row.workers),
    "crops_per_s": statistics.median(rates),
    "min_per_s": min(rates),
    "max_per_s": max(rates),
    "turns": len(turns),
    "cpu_s_per_crop": cpu,
    "cores_for_an_h200": _H200 * cpu,
    "main_bytes": max(turn["main_bytes"] for turn in turns),
    "worker_bytes": max(turn["worker_bytes"] for turn in turns),
  }


def _make_inputs(folder: pathlib.Path, crop_size: int, tiny: bool) -> None:
  """Writes "few", "jpeg", "png", "crops", and the sets "raw", "png_set"."""
  photos = (
    sample_photos.drawn(4, 40)
    if tiny
    else sample_photos.read(_PHOTOS, _DRAWN_SIZE)
  )
  for i, image in enumerate(photos):
    for name in (f"few/{i:03}.jpg", f"one/{i:03}.png"):
      images.write(folder / name, image)
  for source, name in (("few", "jpeg"), ("one", "png")):
    (folder / name).mkdir()
    for path in (folder / source).iterdir():
      for copy in range(_COPIES):
        os.link(path, folder / name / f"{copy:02}_{path.name}")
  for name, encoding in (("raw", "raw"), ("png_set", "png")):
    made = sets.prepare(
      planning.Request(
        folders=[str(folder / "one")],
        output=str(folder / name),
        preset="subimages",
        recipe=recipes.SubImages(crop_size, crop_size),
        encoding=encoding,
      )
    )
  stored = shards.Shards(
    [folder / "raw" / shard.name for shard in made.shards],
    [shard.records for shard in made.shards],
  )
  for i in range(len(stored)):
    hr = records.decode(stored[i]).hr
    images.write(folder / "crops" / f"{i:05}.png", hr)
