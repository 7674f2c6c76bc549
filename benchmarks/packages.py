"""Packages that machines with a GPU may lack, by what imports them."""

import importlib.util
from collections.abc import Mapping

# Of all measurements; what configs need has a stand-in.
NEEDED = {
  **{name: name for name in ("jax", "jaxlib", "flax", "optax", "numpy")},
  **{name: name for name in ("scipy", "safetensors", "tqdm", "torch")},
  "absl": "absl-py",
  "PIL": "pillow",
}
# Of the training program, which one job runs; the last three are grain's.
TO_TRAIN = {
  "ml_collections": "ml_collections",
  "grain": "grain",
  "array_record": "array-record",
  "clu": "clu",
  "orbax": "orbax-checkpoint",
  "matplotlib": "matplotlib",
  **{name: name for name in ("cloudpickle", "portpicker", "wrapt")},
}


def missing(packages: Mapping[str, str]) -> list[str]:
  """Which of these packages are not installed."""
  return [
    package
    for name, package in packages.items()
    if importlib.util.find_spec(name) is None
  ]
