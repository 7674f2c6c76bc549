"""What each of several processes has to say, in a file of its own.

Their consoles are on as many machines. `WORKDIR/logs/process_3.log` has what
process 3 warns of, and what it ended with.
"""

import contextlib
import logging
import logging.handlers
import pathlib
import socket
from collections.abc import Callable, Iterator

import jax

from srfeat_jax import errors, places
from srfeat_jax.training import interruption
from srfeat_jax.training import workdir as workdir_lib

_FOLDER = "logs"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_NAME = "srfeat_jax"


@contextlib.contextmanager
def kept() -> Iterator[Callable[[pathlib.Path], None]]:
  """Keeps warnings within the context, if there are several processes.

  Yields:
    What is called with the run's folder once it may be written to: what was
    kept before is written then, what comes later at once. Where it is not
    called, nothing is written. It raises `errors.InputError` if this process
    cannot write there.
  """
  if jax.process_count() == 1:
    yield lambda workdir: None
    return
  root = logging.getLogger()
  with contextlib.ExitStack() as stack:
    memory = logging.handlers.MemoryHandler(1, flushLevel=logging.NOTSET)
    stack.callback(memory.close)
    memory.setLevel(logging.WARNING)
    root.addHandler(memory)
    stack.callback(root.removeHandler, memory)

    def write_to(workdir: pathlib.Path) -> None:
      file = _open(workdir)
      stack.callback(file.close)
      memory.setTarget(file)
      memory.flush()

    def note(level: int, message: str, exc_info=None) -> None:
      memory.handle(
        logging.LogRecord(_NAME, level, "", 0, message, None, exc_info)
      )

    try:
      yield write_to
    except (errors.InputError, interruption.Stopped) as error:
      note(logging.WARNING, f"ended: {error}")
      raise
    except Exception as error:
      note(logging.ERROR, "ended:", (type(error), error, error.__traceback__))
      raise
    else:
      note(logging.WARNING, "ended: done")


def _open(workdir: pathlib.Path) -> logging.Handler:
  """Opens this process's file, and writes who it is."""
  folder = workdir / _FOLDER
  index = jax.process_index()
  path = folder / f"process_{index}.log"
  file: logging.Handler
  with workdir_lib.explained(workdir):
    if places.is_address(path):
      file = _Object(path)
    else:
      folder.mkdir(parents=True, exist_ok=True)
      file = logging.FileHandler(path, encoding="utf-8")
  file.setFormatter(logging.Formatter(_FORMAT))
  devices = ", ".join(str(device.id) for device in jax.local_devices())
  text = (
    f"began: process {index} of {jax.process_count()} on"
    f" {socket.gethostname()}, {jax.local_devices()[0].device_kind} {devices}"
  )
  file.handle(logging.LogRecord(_NAME, logging.INFO, "", 0, text, None, None))
  return file


class _Object(logging.Handler):
  """A file in an object store: each record, of which there are few, writes all.

  A run does not end because its log could not be written.
  """

  def __init__(self, place: pathlib.Path):
    super().__init__()
    self._place = place
    self._text = place.read_text() if place.exists() else ""

  def emit(self, record: logging.LogRecord) -> None:
    """Adds a line."""
    self._text += f"{self.format(record)}\n"
    try:
      places.write(self._place, self._text.encode())
    except places.failures():
      self.handleError(record)
