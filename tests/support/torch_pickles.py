"""Files of `torch.save`, valid and invalid, made by hand."""

import io
import os
import pathlib
import zipfile

import torch


def saved(value, as_zip: bool) -> bytes:
  buffer = io.BytesIO()
  torch.save(value, buffer, _use_new_zipfile_serialization=as_zip)
  return buffer.getvalue()


class Runs:
  """Makes a folder when its pickle is executed."""

  def __init__(self, path: pathlib.Path):
    self.path = str(path)

  def __reduce__(self):
    return os.mkdir, (self.path,)


def tensor(size, strides, offset=0, count=4, kind="Float") -> bytes:
  """A pickle of a dict with one tensor, valid or invalid."""

  def tuple_of(*numbers):
    return b"(" + b"".join(b"I%d\n" % each for each in numbers) + b"t"

  storage = b"(Vstorage\nctorch\n%sStorage\nV0\nVcpu\nI%d\ntQ" % (
    kind.encode(),
    count,
  )
  arguments = storage + tuple_of(offset)[1:-1] + tuple_of(*size)
  arguments += tuple_of(*strides) + b"I00\nN"
  call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"
  return b"\x80\x02}Vx\n" + call + b"s."


def archive(data: bytes, storage: bytes = bytes(16), **options) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", **options) as file:
    file.writestr("model/data.pkl", data)
    file.writestr("model/data/0", storage)
  return buffer.getvalue()
