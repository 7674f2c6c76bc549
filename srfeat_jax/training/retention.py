"""When a run saves a checkpoint, and which of them stay on the disk."""

from collections.abc import Sequence

from orbax.checkpoint import checkpoint_managers


def is_due(step: int, intervals: Sequence[int]) -> bool:
  """Whether a step is a multiple of any of some intervals; 0 is none."""
  return any(every and step % every == 0 for every in intervals)


class Retention(checkpoint_managers.PreservationPolicy):
  """The newest ones, those of every so many steps, and the best one.

  Attributes:
    best: the step of the best one, None without one.
  """

  def __init__(self, newest: int, every: int = 0):
    """Sets the rules.

    Args:
      newest: how many of the newest stay, at least 1.
      every: checkpoints of multiples of so many steps stay; 0 for none.
    """
    self.best: int | None = None
    self._newest = newest
    self._every = every

  def should_preserve(self, checkpoints: Sequence, *, context) -> list[bool]:
    """Whether each checkpoint stays, from the oldest to the newest."""
    del context
    last = len(checkpoints) - self._newest
    return [
      i >= last or each.step == self.best or is_due(each.step, (self._every,))
      for i, each in enumerate(checkpoints)
    ]
