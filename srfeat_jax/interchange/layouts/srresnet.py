"""SRResNet, the generator of SRGAN, as people save it from PyTorch.

Every repository has its own names, but all have one structure: a 9x9
convolution; pairs of 3x3 convolutions, each followed by a normalization; one
more of both, or one more and a PReLU; 3x3 convolutions with four times the
channels, or one with nine times, each before a pixel shuffle; a 9x9
convolution. PReLUs follow the first convolution, the first of each pair, and
each shuffle. So arrays are told apart by kind and shape, and ordered as the
file has them or, where that is alphabetical, by the numbers in their names.
"""

import collections
import dataclasses
import itertools
import math
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.interchange import mismatch
from srfeat_jax.interchange.containers import pickles
from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import layers as layers_lib

_LONGEST = 200  # characters; in longer names no numbers are searched
_NORM = {
  "weight": ("params", "scale"),
  "bias": ("params", "bias"),
  "running_mean": ("batch_stats", "mean"),
  "running_var": ("batch_stats", "var"),
}


@dataclasses.dataclass(frozen=True)
class _Layer:
  """A PyTorch module: its name, and its arrays by their names in it."""

  name: str
  arrays: Mapping[str, np.ndarray]

  @property
  def shape(self) -> tuple[int, ...]:
    return self.arrays["weight"].shape


def convert(
  path: pathlib.Path, arrays: Mapping[str, np.ndarray], *, ordered: bool
) -> tuple[dict, dict] | None:
  """Finds the structure and converts it.

  Args:
    path: what the file is called, for messages.
    arrays: by name, without prefixes.
    ordered: whether their order is that in which the network defines them.

  Returns:
    The fields of the config, and the variables; None if there is no such
    structure.

  Raises:
    errors.InputError: there is, but arrays are missing, unexpected or
      misshapen, or it is of a kind that this program does not have.
  """
  names = list(arrays) if ordered else sorted(arrays, key=_natural)
  modules = {}
  for name in names:
    owner, _, leaf = name.rpartition(".")
    modules.setdefault(owner, {})[leaf] = arrays[name]
  layers = [_Layer(name, leaves) for name, leaves in modules.items()]
  convs = [x for x in layers if _is_conv(x)]
  norms = [x for x in layers if "running_mean" in x.arrays]
  slopes = [
    x for x in layers if list(x.arrays) == ["weight"] and len(x.shape) == 1
  ]
  head = next((x for x in convs if x.shape[1:] == (3, 9, 9)), None)
  tail = next((x for x in convs if _mirrors(head, x)), None)
  if not norms or (head is None and tail is None):
    return None
  owner = f"{path} looks like SRResNet"
  _check_ends(owner, convs, head, tail)
  assert head and tail
  features = head.shape[0]
  middle = [x for x in convs if x not in (head, tail)]
  shape = (features, features, 3, 3)
  trunk = [x for x in middle if x.shape == shape]
  upsamples = [
    x for x in middle if x.shape in _before_shuffle(features, *shape[1:])
  ]
  known = [head, tail, *trunk, *upsamples, *norms, *slopes]
  _refuse_others(owner, [x for x in layers if x not in known])
  misfits = [x for x in slopes if x.shape not in ((1,), (features,))]
  if misfits:
    raise errors.InputError(
      f"{owner}, but has {_named(misfits)}: expected PReLUs of one slope or of"
      f" {features}, one for each channel after the shuffle"
    )
  num_blocks = len(trunk) // 2
  # One normalization less than usual, and one PReLU more.
  with_prelu = tuple(map(len, (trunk, norms, slopes))) == (
    2 * num_blocks + 1,
    2 * num_blocks,
    num_blocks + 2 + len(upsamples),
  )
  if not with_prelu:
    _check_counts(owner, names, trunk, norms, slopes, upsamples)
  scale = _scale(owner, features, upsamples)
  *trunk, last = _lone_last(trunk)
  places = {head.name: "head", last.name: "trunk", tail.name: "tail"}
  if not with_prelu:
    *norms, last_norm = _lone_last(norms)
    places[last_norm.name] = "trunk_norm"
  for b in range(num_blocks):
    for i in range(2):
      places[trunk[2 * b + i].name] = f"blocks_{b}/conv_{i}"
      places[norms[2 * b + i].name] = f"blocks_{b}/norm_{i}"
  for u, layer in enumerate(upsamples):
    places[layer.name] = f"upsample_{u}/conv"
  convs = [x for x in layers if x in convs]
  places |= _slopes(slopes, convs, places, with_prelu)
  fields = {
    "architecture": "srresnet",
    "features": features,
    "num_blocks": num_blocks,
    "scale": scale,
    "prelu_per_channel": any(x.shape != (1,) for x in slopes),
    "block_bias": any(
      "bias" in x.arrays for x in (trunk if with_prelu else (*trunk, last))
    ),
    "after_trunk": "prelu" if with_prelu else "batch_norm",
  }
  variables = {}
  for layer in known:
    variables |= _converted(owner, layer, places[layer.name], fields)
  return fields, traverse_util.unflatten_dict(variables, sep="/")


def _is_conv(layer: _Layer) -> bool:
  return layer.arrays.keys() <= {"weight", "bias"} and (
    getattr(layer.arrays.get("weight"), "ndim", 0) == 4
  )


def _mirrors(head: _Layer | None, layer: _Layer) -> bool:
  features = head.shape[0] if head else layer.shape[1]
  return layer.shape == (3, features, 9, 9)


def _natural(name: str) -> list:
  """A key that sorts block.10 after block.2."""
  parts = re.split(r"(\d+)", name)
  # The longer of two numbers is the larger; int() refuses very long ones.
  parts[1::2] = [(len(n), n) for n in (p.lstrip("0") for p in parts[1::2])]
  return parts


def _named(layers: Sequence[_Layer]) -> str:
  listed = [
    f"{pickles.printable(f'{layer.name}.{leaf}')} {array.shape}"
    for layer in layers
    for leaf, array in layer.arrays.items()
  ]
  return mismatch.listed(listed)


def _refuse_others(owner: str, others: Sequence[_Layer]) -> None:
  if others:
    raise errors.InputError(
      f"{owner}, but has unexpected or misshapen arrays: {_named(others)}"
    )


def _check_ends(owner, convs, head: _Layer | None, tail: _Layer | None) -> None:
  """Checks that the first and the last convolution are there."""
  if head and tail:
    return
  if head:
    wanted = f"last convolution, (3, {head.shape[0]}, 9, 9)"
  else:
    assert tail
    wanted = f"first convolution, ({tail.shape[1]}, 3, 9, 9)"
  others = [x for x in convs if x not in (head, tail) and x.shape[2:] != (3, 3)]
  instead = f", and has instead {_named(others)}" if others else ""
  raise errors.InputError(f"{owner}, but has no {wanted}{instead}")


def _uneven(names: Sequence[str]) -> str:
  """Says how some of a network's numbered blocks differ from the others.

  Args:
    names: of all arrays.

  Returns:
    Part of a sentence; empty if blocks are alike, or fewer than three.
  """
  families = {}  # part before a number -> number -> all parts after it
  for name in names:
    if len(name) > _LONGEST:
      continue
    for number in re.finditer(r"\d+", name):
      family = families.setdefault(name[: number.start()], {})
      family.setdefault(number[0], set()).add(name[number.end() :])
  missing, left_over = [], []
  for before, members in families.items():
    count = collections.Counter(itertools.chain(*members.values()))
    usual = {x for x, n in count.items() if 2 * n > len(members) > 2}
    for number, has in members.items():
      if 2 * len(usual & has) > len(usual):  # else it is not such a block
        missing += [f"{before}{number}{x}" for x in sorted(usual - has)]
        left_over += [f"{before}{number}{x}" for x in sorted(has - usual)]
  found = (("missing", missing), ("unexpected", left_over))
  return "; ".join(f"{k}: {mismatch.listed(x)}" for k, x in found if x)


def _check_counts(owner, names, trunk, norms, slopes, upsamples) -> None:
  num_blocks = len(trunk) // 2
  for what, layers, expected in (
    ("3x3 convolutions in its trunk", trunk, 2 * num_blocks + 1),
    ("normalizations", norms, 2 * num_blocks + 1),
    ("PReLUs", slopes, num_blocks + 1 + len(upsamples)),
  ):
    if len(layers) != expected:
      raise errors.InputError(
        f"{owner} of {num_blocks} blocks and {len(upsamples)} upsamplings, but"
        f" has {len(layers)} {what} instead of {expected};"
        f" {_uneven(names) or f'they are {_named(layers)}'}"
      )


def _before_shuffle(features: int, *rest: int) -> tuple[tuple[int, ...], ...]:
  """The shapes of convolutions before a pixel shuffle of 2 and of 3."""
  return tuple((factor**2 * features, *rest) for factor in (2, 3))


def _scale(owner: str, features: int, upsamples: Sequence[_Layer]) -> int:
  """The scale factor that the stages make."""
  factors = tuple(math.isqrt(x.shape[0] // features) for x in upsamples)
  scale = math.prod(factors)
  if scale > 8 or factors != layers_lib.upsample_factors(scale):
    raise errors.InputError(
      f"{owner}, but upscales by {' x '.join(map(str, factors))}: expected 1,"
      " 2, 3, 4 (2 x 2) or 8 (2 x 2 x 2)"
    )
  return scale


def _lone_last(layers: Sequence[_Layer]) -> list[_Layer]:
  """Moves the layer that is outside of the blocks to the end.

  That is the one whose name differs in more than its numbers. Where none does,
  names say nothing, and the layer is last already.
  """
  kinds = [re.sub(r"\d+", "#", layer.name) for layer in layers]
  lone = [x for x, k in zip(layers, kinds, strict=True) if kinds.count(k) == 1]
  if len(lone) != 1 or len(layers) < 3:
    return list(layers)
  return [x for x in layers if x is not lone[0]] + lone


def _shared(name: str, other: str) -> int:
  """The number of characters at which two names begin alike."""
  pairs = zip(name, other, strict=False)
  return sum(1 for _ in itertools.takewhile(lambda p: p[0] == p[1], pairs))


def _slopes(slopes, convs, places, with_prelu: bool) -> dict[str, str]:
  """Finds the convolution that each PReLU follows."""
  order = {layer.name: i for i, layer in enumerate(convs)}
  taken = {}
  for slope in slopes:
    nearest = max(
      convs,
      key=lambda conv: (
        _shared(conv.name, slope.name),
        order[conv.name],
      ),
    )
    place = places[nearest.name]
    if place.startswith(("blocks", "upsample")):
      place = f"{place.split('/')[0]}/activation"
    elif place == "trunk" and with_prelu:
      place = "trunk_activation"
    else:
      place = "head_activation"
    taken.setdefault(place, []).append(slope)
  if len(taken) != len(slopes):
    # The names do not say where PReLUs belong, so their order has to.
    blocks = sorted(
      {p.split("/")[0] for p in places.values() if "/" in p}, key=_natural
    )
    wanted = ["head_activation", *(f"{each}/activation" for each in blocks)]
    if with_prelu:  # after the blocks, before the stages that upscale
      stages = sum(each.startswith("upsample") for each in blocks)
      wanted.insert(len(wanted) - stages, "trunk_activation")
    return {x.name: p for x, p in zip(slopes, wanted, strict=True)}
  return {layers[0].name: place for place, layers in taken.items()}


def _converted(owner, layer: _Layer, place: str, fields: Mapping) -> dict:
  """The arrays of a layer, by their paths here."""
  features = fields["features"]
  if "running_mean" in layer.arrays:
    for leaf in (*_NORM, *layer.arrays):
      if leaf not in _NORM or getattr(
        layer.arrays.get(leaf), "shape", None
      ) != (features,):
        _refuse_others(owner, [layer])
    return {
      f"{collection}/{place}/{leaf}": layer.arrays[theirs]
      for theirs, (collection, leaf) in _NORM.items()
    }
  weight, bias = layer.arrays["weight"], layer.arrays.get("bias")
  if place.endswith("activation"):
    size = features if fields["prelu_per_channel"] else 1
    slope = np.ascontiguousarray(np.broadcast_to(weight, (size,)))
    return {f"params/{place}/slope": slope}
  outputs = weight.shape[0]
  before_norm = "blocks" in place or (
    place == "trunk" and fields["after_trunk"] == "batch_norm"
  )
  if bias is None and (fields["block_bias"] or not before_norm):
    bias = np.zeros(outputs, np.float32)
  if bias is not None and bias.shape != (outputs,):
    _refuse_others(owner, [layer])
  kernel = torch_layout.kernel(weight)
  if "upsample" in place and bias is not None:
    factor = math.isqrt(outputs // features)
    kernel = torch_layout.to_depth_last(kernel, factor)
    bias = torch_layout.to_depth_last(bias, factor)
  converted = {f"params/{place}/kernel": np.ascontiguousarray(kernel)}
  if bias is not None:
    converted[f"params/{place}/bias"] = bias
  return converted
