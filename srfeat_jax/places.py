"""Folders and files by path, or by address in an object store, `gs://...`.

A store keeps objects, not files: one is replaced in a single step that readers
see whole or not at all, nothing can be appended to it, and folders are no more
than the beginnings of names. Addresses are `epath.Path`s, which have the
methods of `pathlib.Path`; gcsfs reaches the store. What needs a file on a disk,
such as a parser of weights, gets a copy in a temporary folder.

A collapsed address, `gs:/bucket` as `pathlib` makes of it, counts as one.
"""

import atexit
import functools
import importlib.util
import logging
import os
import pathlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from srfeat_jax import errors

_SCHEME = "gs"
_ADDRESS = re.compile(r"(\w\w+):/")
# Of gcsfs, unless the user says otherwise: to ask for the kind of a bucket
# takes a right that many accounts lack, and seconds.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
# TensorFlow, if it is installed, would be epath's choice: it takes seconds to
# import, and knows no other endpoint than Google's.
os.environ.setdefault("EPATH_USE_TF", "false")


def is_address(place: str | os.PathLike) -> bool:
  """Whether it is an address, of whatever kind, and not a path."""
  return bool(_ADDRESS.match(os.fspath(place)))


def path(place: str | os.PathLike) -> pathlib.Path:
  """A path, or an address with the methods of one.

  Raises:
    errors.InputError: it is an address that cannot be reached from here.
  """
  if isinstance(place, pathlib.Path) and not is_address(place):
    return place
  text = os.fspath(place)
  if not (match := _ADDRESS.match(text)):
    return pathlib.Path(text)
  rest = text[match.end() :].lstrip("/")
  if match[1] != _SCHEME or not rest:
    raise errors.InputError(
      f"{text} is not an address that this program can use: expected"
      " gs://BUCKET/NAME, or a folder or file"
    )
  _files()
  from etils import epath

  return epath.Path(f"{_SCHEME}://{rest}")


def refuse(name: str, place: str | os.PathLike) -> None:
  """Refuses an address where files are wanted.

  Args:
    name: of the flag or field, for the message.
    place: its value.

  Raises:
    errors.InputError: it is an address.
  """
  if is_address(place):
    raise errors.InputError(
      f"{name}={os.fspath(place)} is an address: name a folder or file, and"
      " copy from there or to there, as by gcloud storage cp"
    )


def check(place: pathlib.Path) -> None:
  """Makes sure that an address is in a bucket that there is.

  Raises:
    FileNotFoundError: there is none of this name.
    Exception: of `failures`; the store cannot be reached, or denies it.
  """
  bucket = os.fspath(place).removeprefix(f"{_SCHEME}://").partition("/")[0]
  try:
    _files().info(bucket)
  except FileNotFoundError as error:
    raise FileNotFoundError(2, f"there is no bucket {bucket}") from error


def write(place: pathlib.Path, data: bytes | memoryview) -> None:
  """Writes an object, or replaces it, in one step.

  Args:
    place: an address.
    data: the content.

  Raises:
    Exception: one of `failures`.
  """
  _files().pipe_file(os.fspath(place), bytes(data))


def upload(folder: pathlib.Path, place: pathlib.Path) -> None:
  """Writes the files in and below a folder as objects, with their names.

  Args:
    folder: on a disk.
    place: the address that corresponds to it.

  Raises:
    Exception: one of `failures`.
  """
  for file in sorted(folder.rglob("*")):
    if file.is_file():
      write(place / file.relative_to(folder).as_posix(), file.read_bytes())


def move(folder: pathlib.Path, target: pathlib.Path) -> None:
  """Moves a folder, of an address object by object, the topmost ones first.

  Args:
    folder: a path or an address.
    target: likewise; the folder that it will be.

  Raises:
    Exception: one of `failures`.
  """
  if not is_address(folder):
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
      shutil.rmtree(target)
    os.replace(folder, target)
    return
  store = _files()
  top = os.fspath(folder).removeprefix(f"{_SCHEME}://")
  names = sorted(store.find(top), key=lambda name: name.count("/"))
  for name in names:
    store.cp_file(name, os.fspath(target) + name.removeprefix(top))
  for name in names:
    store.rm_file(name)


def fetched(
  place: str | os.PathLike, wanted: Callable[[str], bool] = lambda name: True
) -> str:
  """The path of a file or folder; of an address, of a copy on the disk.

  Copies are deleted when the process ends. Of what is not there, the path is
  one where nothing is.

  Args:
    place: a path, which is returned as it is, or an address.
    wanted: whether a file is needed, by its name below the folder.

  Raises:
    errors.InputError: the store cannot be reached, or denies it.
  """
  text = os.fspath(place)
  if not is_address(text):
    return text
  address = os.fspath(path(text))
  copy = _copies() / address.replace("://", "/", 1)
  store = _files()
  try:
    top = address.removeprefix(f"{_SCHEME}://").rstrip("/")
    targets = {}
    for name in store.find(address):
      below = name.removeprefix(top).lstrip("/")
      # The address may be that of an object. Names may be anything.
      if not below or (wanted(below) and ".." not in below.split("/")):
        targets[name] = os.fspath(copy / below) if below else os.fspath(copy)
    for target in targets.values():
      os.makedirs(os.path.dirname(target), exist_ok=True)
    if targets:
      store.get(list(targets), list(targets.values()))
  except failures() as error:
    raise errors.InputError(
      f"{address} cannot be read ({reason(error)}): give an address that this"
      " account may read"
    ) from error
  return os.fspath(copy)


def said(text: str) -> str:
  """A message in which copies are called by the addresses that they are of."""
  if not _copies.cache_info().currsize:
    return text
  return text.replace(f"{_copies()}/{_SCHEME}/", f"{_SCHEME}://")


def failures(*others: type[Exception]) -> tuple[type[Exception], ...]:
  """What reading and writing may raise: `OSError`, a store's own, others."""
  if "gcsfs" not in sys.modules:
    return (OSError, *others)
  import aiohttp
  import requests
  from gcsfs import retry
  from google.auth import exceptions

  return (
    OSError,
    aiohttp.ClientError,
    requests.RequestException,
    retry.HttpError,
    retry.ChecksumError,
    retry.NonRetryableError,
    exceptions.GoogleAuthError,
    *others,
  )


def reason(error: Exception) -> str:
  """What one of `failures` says, in one line."""
  if isinstance(error, OSError) and error.strerror:
    return error.strerror
  text = " ".join(str(error).split())[:300]
  return f"{type(error).__name__}: {text}" if text else type(error).__name__


@functools.cache
def _files() -> Any:
  """gcsfs, which may not be installed."""
  if importlib.util.find_spec("gcsfs") is None:
    raise errors.InputError(
      "addresses gs://... need gcsfs, which is not installed: pip install"
      ' "srfeat_jax[gcs]", or in a clone launch/install.sh gcs'
    )
  import fsspec
  from fsspec import config

  # Other processes write there as well: what was listed may be outdated.
  config.conf.setdefault("gcs", {}).setdefault("use_listings_cache", False)
  # What it logs with a traceback it raises as well, see `failures`.
  logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
  return fsspec.filesystem("gcs")


@functools.cache
def _copies() -> pathlib.Path:
  """The folder of copies."""
  folder = tempfile.mkdtemp(prefix="srfeat_copies_")
  atexit.register(shutil.rmtree, folder, ignore_errors=True)
  return pathlib.Path(folder)
