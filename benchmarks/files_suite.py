"""Files from disk to disk: a folder of thumbnails, and one large photo.

Ours is the program `upscale` with its default weights; PyTorch upscales with a
network of the same size as Real-ESRGAN's program does, in one piece and in
tiles of 512 (`peer_files`). Each is measured in a process of its own, from its
start to its end, in turns, and of several files after one of each size has been
upscaled, so that ours compiles nothing.
"""

import dataclasses
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image

from benchmarks import sample_photos, timing
from srfeat_jax.data import threads

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_SIZES = ((320, 240), (240, 320), (256, 192), (192, 256))  # of thumbnails
_QUALITY = 85
_SCALE = 4
_OURS = "ours"
_PEERS = {"tile 0": 0, "tile 512": 512}


@dataclasses.dataclass(frozen=True)
class Case:
  """Files to upscale.

  Attributes:
    count: how many.
    sizes: their widths and heights, in turns.
    peers: of `_PEERS`.
  """

  count: int
  sizes: tuple[tuple[int, int], ...]
  peers: tuple[str, ...] = ("tile 0",)


CASES = {
  "200 thumbnails": Case(200, _SIZES),
  "a photo of 12 megapixels": Case(1, ((4000, 3000),), tuple(_PEERS)),
}
_TINY = {"3 thumbnails": Case(3, ((20, 16),), tuple(_PEERS))}


def measure(repeats: int, tiny: bool = False) -> list[dict]:
  """Measures all cases.

  Args:
    repeats: the number of turns.
    tiny: few and small files, to test the benchmark itself.
  """
  return [
    row
    for name, case in (_TINY if tiny else CASES).items()
    for row in _measure(name, case, repeats)
  ]


def _measure(name: str, case: Case, repeats: int) -> list[dict]:
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    _make_files(folder / "in", case)
    environment = {"XDG_CACHE_HOME": str(folder / "cache")}
    program = ["-m", "srfeat_jax.upscale", f"--output={folder}/out"]
    warm_up = [
      *program,
      *(f"{folder}/in/{i:03}.jpg" for i in range(len(case.sizes))),
    ]
    commands = {_OURS: [*program, f"{folder}/in"]}
    for who in case.peers:
      peer = ["-m", "benchmarks.peer_files", f"{folder}/in", f"{folder}/out"]
      commands[who] = [*peer, str(_PEERS[who])]
    turns = {who: [] for who in commands}
    if case.count > 1:  # of one file, compiling is a small part
      _run(warm_up, folder / "out", environment)
    for _ in range(repeats):
      for who, command in commands.items():
        if any("error" in turn for turn in turns[who]):
          continue
        turns[who].append(_run(command, folder / "out", environment))
        if "error" not in turns[who][-1]:
          written = len(list((folder / "out").iterdir()))
          assert written == case.count, (who, written)
  return _rows(name, case, turns)


def _rows(name: str, case: Case, turns: dict[str, list[dict]]) -> list[dict]:
  pixels = sum(
    _SCALE**2 * width * height
    for width, height in (
      case.sizes[i % len(case.sizes)] for i in range(case.count)
    )
  )
  rows = []
  for who, each in turns.items():
    row = {"case": name, "who": who, "count": case.count}
    failed = [turn["error"] for turn in each if "error" in turn]
    if failed:
      rows.append(row | {"error": failed[0]})
      continue
    seconds = [turn["seconds"] for turn in each]
    row |= timing.summarize(seconds)
    row["megapixels_per_s"] = pixels / 1e6 / row["median_s"]
    row["cores_busy"] = statistics.median(turn["cores"] for turn in each)
    row["peak_bytes"] = max(turn["peak_bytes"] for turn in each)
    if who != _OURS and not any("error" in x for x in turns[_OURS]):
      ours = [turn["seconds"] for turn in turns[_OURS]]
      row["ours_is_faster_by"] = timing.ratio(ours, seconds)
    rows.append(row)
  return rows


def _run(
  command: list[str], output: pathlib.Path, environment: dict[str, str]
) -> dict:
  """Runs a program that fills an empty folder, and returns what it used."""
  shutil.rmtree(output, ignore_errors=True)
  output.mkdir()
  before = time.perf_counter()
  process = subprocess.Popen(
    [sys.executable, *command],
    cwd=_ROOT,
    env=os.environ | environment,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
  )
  said = process.stderr.read()
  _, status, used = os.wait4(process.pid, 0)
  process.returncode = os.waitstatus_to_exitcode(status)
  seconds = time.perf_counter() - before
  if process.returncode:
    last = (said.strip() or "no message").splitlines()[-1]
    return {"error": f"status {process.returncode}: {last}"}
  return {
    "seconds": seconds,
    "cores": (used.ru_utime + used.ru_stime) / seconds / threads.cores(),
    "peak_bytes": used.ru_maxrss * 1024,
  }


def _make_files(folder: pathlib.Path, case: Case) -> None:
  """Writes JPEGs: photos, each several times if there are too few."""
  folder.mkdir()
  photos = sample_photos.read(min(case.count, 50), max(case.sizes[0]))
  for i in range(case.count):
    image = Image.fromarray(photos[i % len(photos)])
    image = image.resize(case.sizes[i % len(case.sizes)])
    image.save(folder / f"{i:03}.jpg", quality=_QUALITY)
