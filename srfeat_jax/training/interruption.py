"""Stopping a run when asked to, after its state is saved."""

import signal


class Interruption:
  """Notes SIGTERM and Ctrl-C instead of dying of them; a second one kills.

  A context manager: outside it the signals do what they did before.
  """

  def __init__(self):
    self.requested = False
    self._before = {}

  def __enter__(self):
    for number in (signal.SIGTERM, signal.SIGINT):
      self._before[number] = signal.signal(number, self._note)
    return self

  def __exit__(self, *unused):
    self._restore()

  def _note(self, *unused):
    self.requested = True
    self._restore()

  def _restore(self):
    for number, handler in self._before.items():
      signal.signal(number, handler)
