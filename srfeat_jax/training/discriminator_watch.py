"""Notices when a discriminator wins, so that the generator learns no more."""

from collections.abc import Mapping

_REAL, _FAKE = 0.95, 0.05  # probabilities of a discriminator that is certain
_STEPS = 500


class DiscriminatorWatch:
  """Counts the steps since which each discriminator has been certain."""

  def __init__(self) -> None:
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
      if not (real > _REAL and fake < _FAKE):
        self._certain[name] = 0
        continue
      self._certain[name] = self._certain.get(name, 0) + num_steps
      if self._certain[name] >= _STEPS and name not in self._told:
        self._told.add(name)
        said.append(
          f"config.discriminators.{name} has won: for {self._certain[name]}"
          f" steps it has told real ({real:.2f}) from fake ({fake:.2f}) with"
          " certainty, and the generator learns little from it; lower"
          " config.discriminator_learning_rate.peak, or choose one with"
          " spectral normalization (unet), and start again in a new --workdir"
        )
    return said
