"""Images read ahead and written behind, while others are upscaled.

Decoding and encoding use one core each and no accelerator; so threads do both
while the network has another image. What waits takes a bounded amount of
memory: of images whose results are larger, one at a time is upscaled and
written.
"""

import collections
import concurrent.futures
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from srfeat_jax.data import threads

_LIMIT = 2**28  # bytes of images that wait to be upscaled, or to be written
_THREADS = 8

Job = TypeVar("Job")
Read = TypeVar("Read")
Upscaled = TypeVar("Upscaled")
Written = TypeVar("Written")


def run(
  jobs: Iterable[Job],
  read: Callable[[Job], Read],
  upscale: Callable[[Job, Read], Upscaled],
  write: Callable[[Job, Upscaled], Written],
  num_bytes: Callable[[Job], tuple[int, int]],
  limit: int = _LIMIT,
) -> Generator[tuple[Job, concurrent.futures.Future[Written]]]:
  """Reads, upscales and writes, up to three images and more at a time.

  Closed early, because of Ctrl-C for example, it finishes the results that are
  being written, and begins no others.

  Args:
    jobs: what is called with each, in this order.
    read: called in a thread, ahead of `upscale`.
    upscale: called in the caller's thread, with what was read.
    write: called in a thread, with what `upscale` returned.
    num_bytes: about how much memory a job's image takes, and how much its
      result.
    limit: bytes of images that may wait to be upscaled, and likewise of results
      to be written, if there is more than one.

  Yields:
    Each job in order and what became of it: what `write` returned, or what any
    of the three raised.
  """
  waiting = collections.deque(jobs)
  ahead, behind = _Queue(limit), _Queue(limit)
  pool = concurrent.futures.ThreadPoolExecutor(min(_THREADS, threads.cores()))

  def read_ahead() -> None:
    while waiting and ahead.has_room(num_bytes(waiting[0])[0]):
      job = waiting.popleft()
      ahead.put(job, pool.submit(read, job), num_bytes(job)[0])

  try:
    read_ahead()
    while ahead:
      job, reading = ahead.get()
      read_ahead()
      size = num_bytes(job)[1]
      while behind and (behind.is_first_done or not behind.has_room(size)):
        yield behind.get()
      try:
        upscaled = upscale(job, reading.result())
      except Exception as error:  # the caller's, in its turn
        writing: concurrent.futures.Future = concurrent.futures.Future()
        writing.set_exception(error)
      else:
        writing = pool.submit(write, job, upscaled)
        del upscaled
      del reading
      behind.put(job, writing, size)
    while behind:
      yield behind.get()
  finally:
    pool.shutdown(cancel_futures=True)


class _Queue:
  """Jobs whose images wait, first in, first out."""

  def __init__(self, limit: int):
    self._limit = limit
    self._entries = collections.deque()
    self._bytes = 0

  def __bool__(self) -> bool:
    return bool(self._entries)

  @property
  def is_first_done(self) -> bool:
    """Whether `get` returns something that is ready."""
    return self._entries[0][1].done()

  def has_room(self, size: int) -> bool:
    """Whether so many bytes more may wait; anything may, if nothing does."""
    return not self._entries or self._bytes + size <= self._limit

  def put(self, job, future: concurrent.futures.Future, size: int) -> None:
    self._entries.append((job, future, size))
    self._bytes += size

  def get(self) -> tuple:
    """Removes the first job, and waits for it."""
    job, future, size = self._entries.popleft()
    concurrent.futures.wait([future])
    self._bytes -= size
    return job, future
