"""What a run prints: a bar, rows of losses, speed and ETA, lines."""

import contextlib
import datetime
import time
from collections.abc import Iterator

import tqdm

_WIDTH = 9  # of a column, at least
_HEADER_EVERY = 20  # rows


class Progress:
  """Counts steps, and the time they took and waited for data.

  All that is logged is in `metrics.jsonl`; the screen gets what fits.
  """

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
    self._header: tuple[str, ...] = ()
    self._rows = 0
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
    """Prints a row about the steps since the last one: losses and speed.

    Args:
      step: the step just done; the device has finished it.
      scalars: means over these steps, by name; those whose names begin with
        "loss/" are printed.

    Returns:
      `speed/steps_per_second`, `speed/images_per_second` and
      `speed/data_wait_share`, the part of the time that the loop waited for
      its next batch, in [0, 1].
    """
    seconds = time.perf_counter() - self._start - self._paused
    rate = (step - self._step) / seconds
    share = self._waited / seconds
    eta = datetime.timedelta(seconds=round((self._num_steps - step) / rate))
    losses = {
      name.removeprefix("loss/"): f"{value:.4g}"
      for name, value in scalars.items()
      if name.startswith("loss/")
    }
    self._print_row(
      {"step": f"{step}/{self._num_steps}"}
      | losses
      | {
        "images/s": f"{rate * self._batch_size:.1f}",
        "waiting": f"{share:.0%}",  # for data
        "ETA": str(eta),
      }
    )
    self._restart(step)
    return {
      "speed/steps_per_second": rate,
      "speed/images_per_second": rate * self._batch_size,
      "speed/data_wait_share": share,
    }

  def _print_row(self, cells: dict[str, str]) -> None:
    """Prints texts in columns, below a header now and then."""
    # In two lines, or the header would be wider than most screens.
    names = [name.replace("_", " ", 1).split(" ") for name in cells]
    widths = [
      max(_WIDTH, *map(len, name)) if i else len(str(self._num_steps)) * 2 + 1
      for i, name in enumerate(names)
    ]
    widths[0] = max(widths[0], len("step"))
    if tuple(cells) != self._header or self._rows % _HEADER_EVERY == 0:
      for line in (0, 1):
        # What is one word stands next to the numbers.
        texts = [[""] * (2 - len(name)) + name for name in names]
        if header := _aligned([text[line] for text in texts], widths):
          self.say(header)
      self._header = tuple(cells)
    self._rows += 1
    self.say(_aligned(list(cells.values()), widths))

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


def _aligned(texts: list[str], widths: list[int]) -> str:
  cells = [
    f"{text:>{width}}" for text, width in zip(texts, widths, strict=True)
  ]
  return "  ".join(cells).rstrip()
