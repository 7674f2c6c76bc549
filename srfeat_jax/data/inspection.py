"""What is wrong with training images, found before a run begins.

Each file is decoded once, JPEG at reduced size; what was found in large folders
is kept for the next start. Of a prepared set, its list of files is read.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

from srfeat_jax import errors
from srfeat_jax.data import (
  benchmarks,
  fingerprints,
  manifest,
  scan_cache,
  survey,
  threads,
)
from srfeat_jax.image_io import images

_NAMED = 20  # files that are named, for each reason
_PUBLISHED = pathlib.Path(__file__).with_name("benchmark_fingerprints.json")


@dataclasses.dataclass(frozen=True)
class KnownImages:
  """Images that nothing should be trained on.

  Attributes:
    names: as "Set5/baby".
    fingerprints: uint8 [n, 8, 32], in all orientations.
  """

  names: Sequence[str]
  fingerprints: np.ndarray


@dataclasses.dataclass(frozen=True)
class Findings:
  """What was found in one folder or prepared set; sentences name files.

  Attributes:
    location: the folder or set.
    total: how many files were inspected.
    damaged: files that cannot be decoded, truncated ones too.
    too_small: files that are smaller than a crop.
    duplicates: files whose bytes are those of another.
    benchmark_images: files that show an image of a benchmark set.
  """

  location: str
  total: int
  damaged: Sequence[str]
  too_small: Sequence[str]
  duplicates: Sequence[str]
  benchmark_images: Sequence[str]

  def sentences(self) -> list[str]:
    """Some lines for each kind of finding, the most important kind last."""
    return [
      line
      for found, what in (
        (self.too_small, "too small"),
        (self.duplicates, "duplicates"),
        (self.damaged, "damaged"),
        (
          self.benchmark_images,
          "images of benchmark sets, whose scores will be too good:"
          " remove them",
        ),
      )
      for line in _lines(self.location, found, self.total, what)
    ]

  def check_damage(self, max_damaged: float, remedy: str) -> None:
    """Stops where too many files are damaged.

    Args:
      max_damaged: the largest share of them that is accepted.
      remedy: how more are allowed.

    Raises:
      errors.InputError: there are more.
    """
    if len(self.damaged) > max_damaged * self.total:
      raise errors.InputError(
        f"{len(self.damaged)} of {self.total} files in {self.location} are"
        f" damaged ({self.damaged[0]}), more than {max_damaged:.2%}: repair or"
        f" remove them, or {remedy}"
      )


def known_images(
  sets: Sequence[benchmarks.BenchmarkSet] = (),
) -> KnownImages:
  """Set5, Set14 and BSD100, which need not be there, and sets that are.

  Args:
    sets: benchmark sets of files; held-out scenes are passed over.

  Raises:
    errors.InputError: an image cannot be read.
  """
  names, found = [], []
  for set_name, published in json.loads(_PUBLISHED.read_bytes()).items():
    for name, fingerprint in published.items():
      names.append(f"{set_name}/{name}")
      found.append(np.frombuffer(bytes.fromhex(fingerprint), np.uint8))
  files = [
    (f"{each.name}/{image.name}", image.hr_path)
    for each in sets
    for image in each.images
    if image.hr_path is not None
  ]
  found += threads.each(
    fingerprints.read,
    [path for _, path in files],
    description="reading benchmark images",
  )
  names += [name for name, _ in files]
  oriented = [fingerprints.orientations(each) for each in found]
  return KnownImages(names, np.array(oriented))


def inspect(location: str, min_size: int, known: KnownImages) -> Findings:
  """Inspects a folder of images or a prepared set.

  Args:
    location: the folder or set.
    min_size: files with fewer pixels on a side are too small.
    known: benchmark images.

  Raises:
    errors.InputError: it is missing or holds no image; or the set is damaged.
  """
  if manifest.is_set(location):
    return _inspect_set(location, min_size, known)
  return _inspect_folder(location, min_size, known)


def verify_shards(folder: str | os.PathLike) -> int:
  """Compares the shards of a prepared set with the checksums of its manifest.

  Returns:
    How many there are.

  Raises:
    errors.InputError: a shard is not what the manifest says.
  """
  made = manifest.read(folder)
  damaged = damaged_shards(folder, made)
  if damaged:
    raise errors.InputError(
      f"{pathlib.Path(folder, damaged[0])} is damaged, its checksum is not that"
      " of the manifest: copy it again, or run the same command of"
      " srfeat_jax.prepare, which makes this file again"
    )
  return len(made.shards)


def damaged_shards(
  folder: str | os.PathLike, made: manifest.Manifest
) -> list[str]:
  """The names of shards that are missing or not what the manifest says.

  Args:
    folder: of the set.
    made: its manifest.
  """

  def is_whole(shard: manifest.Shard) -> bool:
    try:
      with pathlib.Path(folder, shard.name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
      return False
    return digest == shard.sha256

  whole = threads.each(
    is_whole, made.shards, description=f"verifying {folder}", unit="shard"
  )
  return [
    shard.name
    for shard, good in zip(made.shards, whole, strict=True)
    if not good
  ]


def report(
  findings: Findings, say: Callable[[str], object] | None = None
) -> None:
  """Says what was found; into the log unless there is a function for it."""
  for line in findings.sentences():
    (say or functools.partial(logging.warning, "%s"))(line)


def _inspect_folder(folder: str, min_size: int, known: KnownImages) -> Findings:
  paths = images.find(folder)
  headers = survey.scan(folder, paths)
  names = [path.relative_to(folder).as_posix() for path in paths]
  contents = _contents(folder, paths, headers)
  damaged, small = [], []
  prints, digests, whole = [], [], []
  for name, header, content in zip(names, headers, contents, strict=True):
    problem, fingerprint, digest = content
    if problem:
      damaged.append(f"{name} {problem}")
      continue
    if min(header.height, header.width) < min_size:
      small.append(f"{name} is {header.width}x{header.height}")
    whole.append(name)
    prints.append(np.frombuffer(bytes.fromhex(fingerprint), np.uint8))
    digests.append(digest)
  return Findings(
    location=folder,
    total=len(paths),
    damaged=damaged,
    too_small=small,
    duplicates=_duplicates(whole, digests),
    benchmark_images=_recognized(whole, fingerprints.stack(prints), known),
  )


def _inspect_set(folder: str, min_size: int, known: KnownImages) -> Findings:
  made = manifest.read(folder)
  entries = manifest.read_files(folder, made)
  used = [entry for entry in entries if "skipped" not in entry]
  names = [entry["file"] for entry in used]
  prints = [
    np.frombuffer(bytes.fromhex(entry["fingerprint"]), np.uint8)
    for entry in used
  ]
  return Findings(
    location=folder,
    total=len(entries),
    # They are not in the set, so nothing of it is damaged.
    damaged=[],
    too_small=[
      f"{entry['file']} gives {entry['size'][1]}x{entry['size'][0]}"
      for entry in used
      if min(entry["size"]) < min_size
    ],
    duplicates=_duplicates(names, [entry["sha256"] for entry in used]),
    benchmark_images=_recognized(names, fingerprints.stack(prints), known),
  )


def _contents(
  folder: str, paths: Sequence[pathlib.Path], headers: Sequence[survey.Header]
) -> list[list[str]]:
  """Problem, fingerprint and digest of each file, "" where there is none."""
  cache = scan_cache.ScanCache(
    scan_cache.user_path(folder, len(paths), "contents")
  )

  def content(path: pathlib.Path, header: survey.Header) -> list[str]:
    if header.problem:
      return [header.problem, "", ""]
    name = path.relative_to(folder).as_posix()
    known = cache.get(name, header.bytes, header.mtime_ns)
    if known is None:
      known = _read(path)
      if not known[0]:  # what was wrong may have been put right
        cache.put(name, header.bytes, header.mtime_ns, known)
    return known

  contents = threads.each(
    content, paths, headers, description=f"inspecting {folder}"
  )
  cache.save()
  return contents


def _read(path: pathlib.Path) -> list[str]:
  try:
    fingerprint = fingerprints.read(path)
    with path.open("rb") as file:
      digest = hashlib.file_digest(file, "sha256")
  except errors.InputError as error:
    return [str(error).removeprefix(f"{path} "), "", ""]
  except OSError as error:
    return [f"cannot be read: {error.strerror}", "", ""]
  return ["", fingerprint.tobytes().hex(), digest.hexdigest()]


def _duplicates(names: Sequence[str], digests: Sequence[str]) -> list[str]:
  first: dict[str, str] = {}
  found = []
  for name, digest in zip(names, digests, strict=True):
    if digest in first:
      found.append(f"{name} is the same as {first[digest]}")
    else:
      first[digest] = name
  return found


def _recognized(
  names: Sequence[str], prints: np.ndarray, known: KnownImages
) -> list[str]:
  if not known.names:
    return []
  theirs = known.fingerprints.reshape(-1, fingerprints.BYTES)
  orientations = len(theirs) // len(known.names)
  indices, bits = fingerprints.nearest(prints, theirs)
  return [
    f"{name} is {known.names[index // orientations]} ({bit} of 255 bits differ)"
    for name, index, bit in zip(names, indices, bits, strict=True)
    if bit <= fingerprints.LARGEST_DISTANCE
  ]


def _lines(
  location: str, found: Sequence[str], total: int, what: str
) -> list[str]:
  if not found:
    return []
  lines = [f"{location}: {each}" for each in found[:_NAMED]]
  rest = f"; the first {_NAMED} are named above" if len(found) > _NAMED else ""
  return [*lines, f"{location}: {len(found)} of {total} files are {what}{rest}"]
