"""Serves the page of a study, and collects what raters send.

The server knows the paths that it answers beforehand: nothing that comes in a
request is part of a file's name. Requests of other sites' pages, which a
rater's browser could be led to make, are refused by their Host and Origin.
"""

import http.server
import ipaddress
import json
import pathlib
import re
import socket
import socketserver
import sys
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus

from srfeat_jax import errors
from srfeat_jax.mos import store as store_lib
from srfeat_jax.mos import study as study_lib
from srfeat_jax.mos import study_page, submission

SUBMISSIONS = "/submissions"
_SECONDS = 10  # for a request
_DRAINED = 1 << 20  # bytes of a refused request that are read all the same
_HEADERS = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy": (
    "default-src 'none'; img-src 'self' data: blob:; script-src 'self';"
    " style-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
  ),
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
}


class Refusal(Exception):
  """An answer that is an error.

  Attributes:
    status: what it is by HTTP.
    headers: what the answer needs besides.
  """

  def __init__(
    self, status: HTTPStatus, text: str, headers: Mapping[str, str] = {}
  ):
    super().__init__(text)
    self.status = status
    self.headers = headers


class Server(http.server.ThreadingHTTPServer):
  """A server for one study; `serve_forever` runs it."""

  daemon_threads = True  # a browser that keeps a connection must not delay us
  request_queue_size = 128  # raters who finish at the same moment

  def __init__(
    self,
    study: study_lib.Study,
    folder: pathlib.Path,
    store: store_lib.Store,
    host: str,
    port: int,
    names: Collection[str] = (),
    on_submission: Callable[[submission.Submission], object] = lambda new: None,
  ):
    """Binds the address.

    Args:
      study: the study.
      folder: the study's folder.
      store: where submissions go.
      host: name or address to serve at.
      port: port to serve at; 0: any free one.
      names: other names that raters reach it by.
      on_submission: called with each new submission.

    Raises:
      errors.InputError: the address cannot be served at, or a file of the page
        is missing.
    """
    self.study = study
    self.store = store
    self.on_submission = on_submission
    self.host = host
    own = socket.gethostname()
    self.names = {"localhost", host, own, f"{own}.local", *names}
    self.names = {each.lower() for each in self.names}
    self.files = _files(study, folder / study_lib.PAGE)
    if ":" in host:
      self.address_family = socket.AF_INET6
    try:
      super().__init__((host, port), _Handler)
    except (OSError, OverflowError) as error:
      reason = getattr(error, "strerror", None) or error
      raise errors.InputError(
        f"the page cannot be served at {host}:{port}: {reason}; choose another"
        " --port or --host; --port=0 takes any free port"
      ) from error

  @property
  def url(self) -> str:
    """Where the page is."""
    host = f"[{self.host}]" if ":" in self.host else self.host
    return f"http://{host}:{self.server_address[1]}/"

  def server_bind(self) -> None:
    """Binds without asking a name server for our name, which may take long."""
    socketserver.TCPServer.server_bind(self)
    self.server_name = self.host
    self.server_port = self.server_address[1]

  def handle_error(self, request, client_address) -> None:
    """Keeps quiet of connections that break."""
    if not isinstance(sys.exception(), OSError):
      super().handle_error(request, client_address)

  def knows(self, host: str) -> bool:
    """Whether a Host header names this server.

    A page elsewhere can make its own name lead here (DNS rebinding), but not an
    address, and not our names.
    """
    try:
      name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    except ValueError:
      return False
    if name in self.names:
      return True
    try:
      ipaddress.ip_address(name)
    except ValueError:
      return False
    return True


def _files(
  study: study_lib.Study, folder: pathlib.Path
) -> dict[str, tuple[pathlib.Path, str]]:
  """Files and their types, by the path of a request."""
  found = {
    f"/{name}": (folder / name, kind) for name, kind in study_page.FILES.items()
  }
  found["/"] = found["/index.html"]
  images = folder / study_page.IMAGES
  names = [f"{item.id}.png" for item in study.items]
  names += [each.name for each in images.glob("example*.png")]
  for name in names:
    found[f"/{study_page.IMAGES}/{name}"] = images / name, "image/png"
  for path, _ in found.values():
    if not path.is_file():
      raise errors.InputError(
        f"{path} is missing: expected the folder that `mos build` wrote"
      )
  return found


class _Handler(http.server.BaseHTTPRequestHandler):
  """Answers one request."""

  server: Server
  timeout = _SECONDS
  server_version, sys_version = "srfeat_jax", ""

  def do_GET(self) -> None:
    self._answer(self._file)

  def do_HEAD(self) -> None:
    self._answer(self._file)

  def do_POST(self) -> None:
    self._answer(self._submission)

  def log_message(self, format, *args) -> None:
    """Keeps quiet: what counts is said by `on_submission`."""

  def send_error(self, code, message=None, explain=None) -> None:
    """What the base class refuses, without repeating the request."""
    status = HTTPStatus(code)
    self._send(status, *_json({"error": status.phrase}))

  def _answer(self, respond: Callable[[], tuple[HTTPStatus, bytes, str]]):
    headers: Mapping[str, str] = {}
    try:
      self._check_host()
      answer = respond()
    except Refusal as refusal:
      answer = refusal.status, *_json({"error": str(refusal)})
      headers = refusal.headers
    self._send(*answer, headers)

  def _send(
    self,
    status: HTTPStatus,
    body: bytes,
    kind: str,
    headers: Mapping[str, str] = {},
  ) -> None:
    self.send_response(status)
    for name, value in (_HEADERS | dict(headers)).items():
      self.send_header(name, value)
    self.send_header("Content-Type", kind)
    self.send_header("Content-Length", str(len(body)))
    self.send_header("Connection", "close")
    self.end_headers()
    if self.command != "HEAD":
      self.wfile.write(body)

  def _file(self) -> tuple[HTTPStatus, bytes, str]:
    path = self.path.partition("?")[0]
    if path == SUBMISSIONS:
      raise Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "submissions are sent here, and nobody can read them",
        {"Allow": "POST"},
      )
    if path not in self.server.files:
      raise Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
    file, kind = self.server.files[path]
    try:
      return HTTPStatus.OK, file.read_bytes(), kind
    except OSError as error:
      raise Refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR, "the file cannot be read"
      ) from error

  def _submission(self) -> tuple[HTTPStatus, bytes, str]:
    body = self._body()
    if self.path != SUBMISSIONS:
      raise Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
    self._check_origin()
    if self.headers.get_content_type() != "application/json":
      raise Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json"
      )
    try:
      new = submission.parse(body, self.server.study)
    except errors.InputError as error:
      raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
    try:
      added = self.server.store.add(new)
    except store_lib.Conflict as error:
      raise Refusal(HTTPStatus.CONFLICT, str(error)) from error
    except errors.InputError as error:
      print(f"error: {error}", flush=True)
      raise Refusal(
        HTTPStatus.INSUFFICIENT_STORAGE, "the submission cannot be written"
      ) from error
    if added:
      self.server.on_submission(new)
    status = HTTPStatus.CREATED if added else HTTPStatus.OK
    return status, *_json({"ratings": len(new.ratings)})

  def _body(self) -> bytes:
    """Reads the request's content, as long as it may be."""
    lengths = self.headers.get_all("Content-Length", [])
    if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
      raise Refusal(HTTPStatus.LENGTH_REQUIRED, "expected one Content-Length")
    if not re.fullmatch(r"[0-9]{1,12}", lengths[0]):
      raise Refusal(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
    length = int(lengths[0])
    most = submission.largest(self.server.study)
    if length > most:
      # Or the connection breaks before the answer is read.
      self.rfile.read(min(length, _DRAINED))
      raise Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"it is larger than {most} bytes, which no submission is",
      )
    body = self.rfile.read(length)
    if len(body) < length:
      raise Refusal(HTTPStatus.BAD_REQUEST, "the content is incomplete")
    return body

  def _check_host(self) -> None:
    hosts = self.headers.get_all("Host", [])
    if len(hosts) != 1 or not self.server.knows(hosts[0]):
      raise Refusal(
        HTTPStatus.MISDIRECTED_REQUEST,
        "the Host header does not name this server: open the page by the"
        " address that was printed",
      )

  def _check_origin(self) -> None:
    """Refuses what a page of another site makes a rater's browser send."""
    origins = self.headers.get_all("Origin", [])
    site = self.headers.get("Sec-Fetch-Site", "same-origin")
    host = self.headers["Host"].strip().lower()
    right = site in ("same-origin", "none") and all(
      re.fullmatch(r"https?://(.*)", each.strip().lower())
      and each.strip().lower().partition("//")[2] == host
      for each in origins
    )
    if not right:
      raise Refusal(
        HTTPStatus.FORBIDDEN, "only the page of this server may send scores"
      )


def _json(value: Mapping) -> tuple[bytes, str]:
  return json.dumps(value).encode(), "application/json"
