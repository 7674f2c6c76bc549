"""Notices when a discriminator wins, so that the generator learns no more.

It goes by the probabilities of `losses.probabilities`, which are 1 and 0 where
a discriminator's loss has nothing left to gain, whatever the kind of loss. A
relativistic one compares each image with the mean of the other kind, which is
twice as far away as the middle between both, by which others decide: where it
is as sure as they are, its odds are the square of theirs.
"""

from collections.abc import Mapping

_CERTAIN = 0.95  # the probability, of what is real, of one that is certain
_CERTAIN_RELATIVISTIC = 0.95**2 / (0.95**2 + 0.05**2)  # 0.997
_STEPS = 500


class DiscriminatorWatch:
  """Counts the steps since which each discriminator has been certain."""

  def __init__(self, kind: str) -> None:
    """None has been certain yet.

    Args:
      kind: of their loss, `config.losses.adversarial`.
    """
    self._bound = _CERTAIN
    if kind == "relativistic":
      self._bound = _CERTAIN_RELATIVISTIC
    self._certain: dict[str, int] = {}
    self._told: set[str] = set()

  def sentences(self, num_steps: int, means: Mapping[str, float]) -> list[str]:
    """What is to be said, once for each discriminator of a run.

    Args:
      num_steps: the number of steps since the last call.
      means: over these steps, `probability/NAME_real` and
        `probability/NAME_fake` of each discriminator, and others.
    """
    said = []
    for key in means:
      if not (key.startswith("probability/") and key.endswith("_real")):
        continue
      name = key.removeprefix("probability/").removesuffix("_real")
      real, fake = means[key], means[f"probability/{name}_fake"]
      if not (real > self._bound and fake < 1 - self._bound):
        self._certain[name] = 0
        continue
      self._certain[name] = self._certain.get(name, 0) + num_steps
      if self._certain[name] >= _STEPS and name not in self._told:
        self._told.add(name)
        said.append(
          f"config.discriminators.{name} has won: for {self._certain[name]}"
          f" steps it has told real ({real:.3g}) from fake ({fake:.2g}) with"
          " certainty, and the generator learns little from it; lower"
          " config.discriminator_learning_rate.peak, or choose one with"
          " spectral normalization (spectral_norm=True, or unet), and start"
          " again in a new --workdir"
        )
    return said
