"""Kinds of images and videos that are not read, and what to do about them."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable

from srfeat_jax.image_io import formats, heif


@dataclasses.dataclass(frozen=True)
class Kind:
  """Files of one kind.

  Attributes:
    name: what one of them is called.
    remedy: what to do to have them upscaled.
    extensions: their file extensions.
  """

  name: str
  remedy: str
  extensions: tuple[str, ...]


HEIC = Kind("HEIC file", heif.REMEDY, formats.FORMATS["heif"].extensions)
KINDS = (
  HEIC,
  Kind(
    "RAW file",
    "develop them to TIFF or JPEG in a raw converter, such as darktable",
    (
      *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf"),
      *(".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf"),
      *(".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw"),
      *(".x3f",),
    ),
  ),
  Kind(
    "drawing or document",
    "they have no pixels of their own: export them as PNG in the size that you"
    " want",
    (".ai", ".eps", ".emf", ".pdf", ".ps", ".svg", ".svgz", ".wmf"),
  ),
  Kind(
    "project of an image editor",
    "export them as PNG or TIFF",
    (".afphoto", ".kra", ".ora", ".psb", ".psd", ".xcf"),
  ),
  Kind(
    "video",
    "save their frames as PNG, for example with ffmpeg",
    (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"),
  ),
  Kind("JPEG of another name", "rename them to .jpg", (".jfif", ".jpe")),
  Kind(
    "image of another format",
    "save them as PNG or TIFF",
    (
      *(".dds", ".exr", ".fits", ".hdr", ".icns", ".ico", ".j2k", ".jpf"),
      *(".jpx", ".jxl", ".jxr", ".pbm", ".pcx", ".pnm", ".qoi", ".sgi", ".tga"),
    ),
  ),
)


def kind_of(path: str | os.PathLike) -> Kind | None:
  """Returns the kind of a file by its extension; None for all others.

  Others are files that can be read, and files that are neither images nor
  videos.
  """
  extension = pathlib.Path(path).suffix.lower()
  if extension in formats.READ_EXTENSIONS:
    return None
  return next((kind for kind in KINDS if extension in kind.extensions), None)


def sentences(paths: Iterable[str | os.PathLike]) -> list[str]:
  """Says of each kind how many files were left out, and what to do.

  Args:
    paths: files; those without a kind are passed over.
  """
  found = {}
  for path in paths:
    if kind := kind_of(path):
      found.setdefault(kind, set()).add(os.fspath(path))
  return [
    f"left out: {_counted(kind, files)}; {kind.remedy}"
    for kind, files in sorted(found.items(), key=lambda each: each[0].name)
  ]


def _counted(kind: Kind, files: set[str]) -> str:
  extensions = sorted({pathlib.Path(file).suffix.lower() for file in files})
  name = kind.name
  if len(files) > 1:
    noun, of, rest = name.partition(" of ")
    noun = " or ".join(f"{word}s" for word in noun.split(" or "))
    name = noun + of + rest
  return f"{len(files)} {name} ({', '.join(extensions)})"
