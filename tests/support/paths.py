"""Where the tests find real images and weights."""

import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def _data() -> pathlib.Path | None:
  chosen = os.environ.get("SRFEAT_DATA")
  if chosen:
    folder = pathlib.Path(chosen)
    if not folder.is_dir():
      raise NotADirectoryError(f"SRFEAT_DATA={chosen} is not a folder")
    return folder
  beside = REPOSITORY.parent / "shared" / "data"
  return beside if beside.is_dir() else None


DATA = _data()
NO_DATA = "real images and weights not found: set SRFEAT_DATA to their folder"
