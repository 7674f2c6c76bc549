"""What a run prints: a bar, a line now and then, speed and ETA."""

import contextlib
import datetime
import time
from collections.abc import Iterator

import tqdm


class Progress:
  """Counts steps, and the time they took and waited for data."""

  def __init__(
    self, first_step: int, num_steps: int, batch_size: int, *, shown: bool
  ):
    """Starts the clock.

    Args:
      first_step: steps done before.
      num_steps: steps of the whole run.
      batch_size: images per step.
      shown: whether this is the main process; others print nothing.
    """
    self._num_steps = num_steps
    self._batch_size = batch_size
    self._shown = shown
    # On a terminal only: a log file gets the lines of `report`.
    self._bar = tqdm.tqdm(
      initial=first_step,
      total=num_steps,
      unit="step",
      disable=None if shown else True,
    )
    self._restart(first_step)

  def _restart(self, step: int) -> None:
    self._step, self._start = step, time.perf_counter()
    self._waited = 0.0
    self._paused = 0.0

  @contextlib.contextmanager
  def waiting_for_data(self) -> Iterator[None]:
    """Time within the context counts as waiting for data."""
    start = time.perf_counter()
    yield
    self._waited += time.perf_counter() - start

  @contextlib.contextmanager
  def pause(self) -> Iterator[None]:
    """Time within the context does not count: evaluating, saving."""
    start = time.perf_counter()
    yield
    self._paused += time.perf_counter() - start

  def advance(self) -> None:
    """One step was dispatched."""
    self._bar.update()

  def report(self, step: int, scalars: dict[str, float]) -> dict[str, float]:
    """Prints a line about the steps since the last one.

    Args:
      step: the step just done; the device has finished it.
      scalars: means over these steps, by name.

    Returns:
      `speed/steps_per_second`, `speed/images_per_second` and
      `speed/data_wait_share`, the part of the time that the loop waited for
      its next batch, in [0, 1].
    """
    seconds = time.perf_counter() - self._start - self._paused
    rate = (step - self._step) / seconds
    share = self._waited / seconds
    eta = datetime.timedelta(seconds=round((self._num_steps - step) / rate))
    self.show(step, scalars)
    self.say(
      f"  {rate * self._batch_size:.1f} images/s, {share:.0%} of the time"
      f" waiting for data, ETA {eta}"
    )
    self._restart(step)
    return {
      "speed/steps_per_second": rate,
      "speed/images_per_second": rate * self._batch_size,
      "speed/data_wait_share": share,
    }

  def show(self, step: int, numbers: dict[str, float]) -> None:
    """Prints numbers by name."""
    text = "  ".join(f"{name} {value:.5g}" for name, value in numbers.items())
    self.say(f"step {step}/{self._num_steps}  {text}")

  def say(self, line: str) -> None:
    """Prints a line above the bar."""
    if self._shown:
      tqdm.tqdm.write(line)

  def close(self) -> None:
    """Ends the bar."""
    self._bar.close()
