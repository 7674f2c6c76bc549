"""What configs use of ml_collections, for machines without it.

A GPU machine that is available for minutes has JAX and PyTorch, but not always
ml_collections. This module, imported before `configs`, then stands in for it;
elsewhere it does nothing.
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
