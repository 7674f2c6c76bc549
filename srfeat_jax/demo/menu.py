"""The weights that the page offers."""

from collections.abc import Iterable

import jax

from srfeat_jax import errors
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.weights import lookup, shipped

_OWN = "your own weights"
_BICUBIC = "no network: plain interpolation, to compare with"


class Menu:
  """Weights by name: a person's own, those of the package, and bicubic."""

  def __init__(self, own: Iterable[str]):
    """Loads all weights once, to see which can be blended.

    Args:
      own: weights that are offered before those that come with the package.

    Raises:
      errors.InputError: some are not weights.
    """
    self._architectures = {
      name: _architecture(lookup.load(name))
      for name in (*own, *shipped.NAMES)
      if name != options_lib.BICUBIC
    }

  @property
  def names(self) -> list[str]:
    """The weights to choose from."""
    return [*self._architectures, options_lib.BICUBIC]

  def purpose(self, name: str) -> str:
    """What weights from `names` are for, in a line."""
    if name == options_lib.BICUBIC:
      return _BICUBIC
    return (
      f"for {shipped.INDEX[name]['for']}" if name in shipped.INDEX else _OWN
    )

  def partners(self, name: str) -> list[str]:
    """The other weights of the same architecture, which can be blended."""
    return [
      other
      for other, architecture in self._architectures.items()
      if other != name and architecture == self._architectures.get(name)
    ]

  def first_alike(self, name: str) -> str | None:
    """The first name of the same architecture; None for bicubic."""
    architecture = self._architectures.get(name)
    alike = (key for key, x in self._architectures.items() if x == architecture)
    return next(alike, None)

  def check(self, options: options_lib.Options) -> None:
    """Checks that the weights are offered: nothing else may be opened.

    Raises:
      errors.InputError: the weights, or those to blend with, are not.
    """
    for name in filter(None, (options.weights, options.blend)):
      if name not in self.names:
        raise errors.InputError(
          f"there are no weights {name}: choose one of {', '.join(self.names)}"
        )


def _architecture(loaded: lookup.Weights) -> tuple:
  """What two networks must have in common to be blended."""
  shapes = jax.tree.map(lambda array: array.shape, loaded.variables)
  return loaded.generator, shapes
