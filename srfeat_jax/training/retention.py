"""Which checkpoints of a run stay on the disk."""

from collections.abc import Sequence

from orbax.checkpoint import checkpoint_managers


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
      i >= last
      or each.step == self.best
      or bool(self._every and each.step % self._every == 0)
      for i, each in enumerate(checkpoints)
    ]
