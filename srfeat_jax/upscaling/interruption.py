"""Ctrl-C that ends a program at once, whatever the device computes.

Python handles a signal only when its main thread runs Python code again: not
while that waits for a device to finish a tile, or to compile a program, which
may take many seconds. So a second thread waits for the signal, too.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

_STATUS = 130  # what shells report after Ctrl-C
# Seconds in which the main thread may end by itself, and remove the part of a
# file that it was writing.
_GRACE = 1.0


@contextlib.contextmanager
def at_once(last_words: Callable[[], str]) -> Iterator[None]:
  """Within the context, Ctrl-C ends the program within about a second.

  A second Ctrl-C ends it immediately. The exit status is 130, and nothing that
  is registered to run at exit runs: it might wait for the device.

  Args:
    last_words: returns the sentence that is printed to stderr.
  """
  receiver, sender = socket.socketpair()
  sender.setblocking(False)
  before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
  watcher = threading.Thread(
    target=_watch, args=(receiver, last_words), daemon=True
  )
  watcher.start()
  try:
    yield
  except KeyboardInterrupt:
    _leave(last_words)
  finally:
    signal.set_wakeup_fd(before)
    sender.close()  # ends the watcher


def _watch(receiver: socket.socket, last_words: Callable[[], str]) -> None:
  with receiver:
    while number := receiver.recv(1):  # nothing when the context is left
      if number[0] != signal.SIGINT:
        continue
      if select.select([receiver], [], [], _GRACE)[0] and not receiver.recv(1):
        return
      _leave(last_words)


def _leave(last_words: Callable[[], str]) -> None:
  newline = "\n" if sys.stderr.isatty() else ""  # below the bar
  with contextlib.suppress(OSError):  # nobody may be reading any more
    print(f"{newline}{last_words()}", file=sys.stderr, flush=True)
    sys.stdout.flush()
  os._exit(_STATUS)
