"""What configs need of ml_collections, for machines that lack it.

A GPU machine that is lent for minutes has JAX and PyTorch, but not always this.
Imported before `configs`, this module takes its place there; elsewhere it does
nothing.
"""

import sys
import types


class _ConfigDict(dict):
  """A dict whose items are attributes too."""

  def __getattr__(self, name):
    try:
      return self[name]
    except KeyError as error:
      raise AttributeError(name) from error

  def __setattr__(self, name, value):
    self[name] = value


try:
  import ml_collections  # noqa: F401
except ImportError:
  _module = types.ModuleType("ml_collections")
  _module.ConfigDict = _ConfigDict
  sys.modules["ml_collections"] = _module
