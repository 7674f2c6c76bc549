"""SRFeat's generator as its authors saved it with TensorLayer.

The arrays have no names, only an order: the first convolution; of each block
two convolutions without bias, each followed by beta, gamma, mean and variance
of its normalization; the skips; two upsamplings and the last convolution.
Kernels are HWIO, and channels before a pixel shuffle in TensorFlow's order, as
they are here.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.interchange import mismatch

_NORM = (
  ("params", "bias"),
  ("params", "scale"),
  ("batch_stats", "mean"),
  ("batch_stats", "var"),
)


def convert(
  path: pathlib.Path, arrays: Sequence[np.ndarray]
) -> tuple[dict, dict]:
  """Puts the arrays in their places.

  Args:
    path: what the file is called, for messages.
    arrays: in the file's order.

  Returns:
    The fields of the config, and the variables.

  Raises:
    errors.InputError: there are more, fewer or other arrays.
  """
  num_blocks, rest = divmod(len(arrays) - 7, 11)
  if rest or num_blocks < 1 or arrays[0].ndim != 4:
    raise errors.InputError(
      f"{path} holds {len(arrays)} arrays without names: only the generator of"
      " SRFeat's authors is read from such a file, and it has 183"
    )
  features = arrays[0].shape[3]
  layout = list(_layout(num_blocks, features))
  names = [f"array {i} ({place})" for i, (place, _) in enumerate(layout)]
  problems = mismatch.describe(
    {n: x.shape for n, x in zip(names, arrays, strict=True)},
    {n: shape for n, (_, shape) in zip(names, layout, strict=True)},
  )
  if problems:
    raise errors.InputError(f"{path} is not SRFeat's generator: {problems}")
  variables = {
    place: array for (place, _), array in zip(layout, arrays, strict=True)
  }
  fields = {
    "architecture": "srfeat",
    "features": features,
    "num_blocks": num_blocks,
  }
  return fields, traverse_util.unflatten_dict(variables, sep="/")


def _layout(num_blocks: int, features: int):
  """Yields where each array goes, and its shape."""

  def conv(name, side, inputs, outputs):
    yield f"params/{name}/kernel", (side, side, inputs, outputs)
    yield f"params/{name}/bias", (outputs,)

  yield from conv("head", 9, 3, features)
  for b in range(num_blocks):
    for i in range(2):
      block = f"blocks_{b}"
      kernel = (3, 3, features, features)
      yield f"params/{block}/conv_{i}/kernel", kernel
      for collection, leaf in _NORM:
        yield f"{collection}/{block}/norm_{i}/{leaf}", (features,)
  for b in range(num_blocks - 1):
    yield f"params/skips_{b}/kernel", (1, 1, features, features)
  for u in range(2):
    yield from conv(f"upsample_{u}/conv", 3, features, 4 * features)
  yield from conv("tail", 3, features, 3)
