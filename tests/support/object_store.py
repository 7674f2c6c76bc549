"""A stand-in for Google Cloud Storage, on this machine's loopback address.

python -m tests.support.object_store PORT FOLDER   keeps objects in a folder

It is gcp-storage-emulator, and three things that the real store does and that
TensorStore or the tests rely on: a download says which generation it is, a
condition on the generation is checked, and an upload that breaks off, because
its sender was killed, leaves the object as it was.
"""

import contextlib
import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from http import server as http_server
from unittest import mock
from urllib import parse

from gcp_storage_emulator import server as emulator
from gcp_storage_emulator import storage as emulator_storage
from gcp_storage_emulator.handlers import buckets

BUCKET = "bucket"
ADDRESS = f"gs://{BUCKET}"
_OBJECT = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)")
_UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")
_LONGEST = 60  # seconds without a byte, after which a sender is given up


class _Handler(emulator.RequestHandler):
  """The emulator's, with what it lacks."""

  timeout = _LONGEST

  def _generation(self) -> int | None:
    """Of the object that is asked for; 0 if there is none yet."""
    path, query = self._parsed()
    if found := _OBJECT.fullmatch(path):
      bucket, name = map(parse.unquote, found.groups())
    elif (found := _UPLOAD.fullmatch(path)) and "name" in query:
      bucket, name = found[1], query["name"][0]
    else:
      return None
    try:
      file = self.storage.get_file_obj(bucket, name)
      return int(file["generation"])
    except emulator_storage.NotFound:
      return 0

  def _parsed(self) -> tuple[str, dict[str, list[str]]]:
    parsed = parse.urlparse(self.path)
    return parsed.path, parse.parse_qs(parsed.query)

  def _answer(self, answer) -> None:
    length = int(self.headers.get("Content-Length") or 0)
    if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
      body = self.rfile.read(length)
      if len(body) < length:
        self.close_connection = True
        return
      self.rfile = io.BytesIO(body)
    with self.server.one_at_a_time:
      wanted = self._parsed()[1]
      generation = self._generation()
      for name, status, refused in (
        ("ifGenerationMatch", 412, lambda n: n != generation),
        ("ifGenerationNotMatch", 304, lambda n: n == generation),
      ):
        if name in wanted and refused(int(wanted[name][0])):
          self.send_response(status)
          self.send_header("Content-Length", "0")
          self.end_headers()
          return
      answer()

  def end_headers(self):
    if self.command == "GET" and (generation := self._generation()):
      self.send_header("x-goog-generation", str(generation))
    super().end_headers()

  def do_GET(self):
    self._answer(super().do_GET)

  def do_POST(self):
    self._answer(super().do_POST)

  def do_PUT(self):
    self._answer(super().do_PUT)

  def do_DELETE(self):
    self._answer(super().do_DELETE)

  def do_PATCH(self):
    self._answer(super().do_PATCH)


class _Server(http_server.ThreadingHTTPServer):
  """The emulator's storage is for one request at a time."""

  daemon_threads = True

  def __init__(self, address, storage):
    self.one_at_a_time = threading.Lock()
    super().__init__(address, lambda *arguments: _Handler(storage, *arguments))

  def handle_error(self, *unused):
    """A client that was killed is none."""


def environment(port: int) -> dict[str, str]:
  """What makes gcsfs and TensorStore ask this store, not Google's."""
  url = f"http://127.0.0.1:{port}"
  return {
    "STORAGE_EMULATOR_HOST": url,
    "TENSORSTORE_GCS_HTTP_URL": url,
    "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
  }


def make(port: int = 0, folder: str | None = None) -> http_server.HTTPServer:
  """A server with one empty bucket; port 0 is any.

  Args:
    port: on the loopback address.
    folder: where objects are kept; None keeps them in memory.
  """
  storage = emulator_storage.Storage(
    use_memory_fs=folder is None, data_dir=folder
  )
  if storage.get_bucket(BUCKET) is None:
    buckets.create_bucket(BUCKET, storage)
  return _Server(("127.0.0.1", port), storage)


@contextlib.contextmanager
def running() -> Iterator[int]:
  """A store in memory, asked by this process and those that it starts.

  Yields:
    Its port.
  """
  server = make()
  port = server.server_address[1]
  thread = threading.Thread(target=server.serve_forever, daemon=True)
  thread.start()
  try:
    with mock.patch.dict(os.environ, environment(port)):
      yield port
  finally:
    server.shutdown()
    server.server_close()
    thread.join()


if __name__ == "__main__":
  make(int(sys.argv[1]), sys.argv[2]).serve_forever()
