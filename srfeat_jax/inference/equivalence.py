"""What may be done to a network without changing its results.

Upscalers fold BatchNorm into convolutions, fill tiles beyond the image and mask
what was filled, and cut images into tiles. A network may be written such that
one of these changes its results: because it pads feature maps by mirroring,
normalizes before a convolution, or takes the mean over the whole image. So each
is done only where it is known to be right: for the networks of this package,
whose tests compare them with `checked`; for every other network, `checked`
compares with its plain results.

`checked` upscales three small noisy images twice: once with the variables at
hand, once with all of them drawn at random, so that nothing hides behind a
layer that is still zero. The results are equal if they differ by no more than a
2000th of the standard deviation of the plain result, in float32: in a usual
image a fortieth of a level of 255.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.inference import folding, tile_program
from srfeat_jax.inference import overlap as overlap_lib
from srfeat_jax.models import rrdbnet, srfeat, srresnet

# Known from tests, of these very classes: a class derived from one may differ.
_TESTED = (
  srfeat.SRFeat,
  srresnet.SRResNet,
  srresnet.MSRResNet,
  rrdbnet.RRDBNet,
)
_TOLERANCE = 1 / 2000
# Pixels, rounded up to multiples of `unshuffle`: the size of small images, by
# how much tiles are larger, and height and compared width of strips.
_SIZE = (13, 11)
_FILL = 4
_HEIGHT = 8
_KEPT = 4

# From [b, h, w, 3] to the network's own results.
Network = Callable[[np.ndarray], jax.Array]


@dataclasses.dataclass(frozen=True)
class Equivalence:
  """What leaves a network's results as they are.

  Attributes:
    overlap: the overlap with which the tiles of an image give the result of the
      whole; None if only the whole image does.
    masking: whether a tile that reaches beyond the image, and is masked there,
      gives the result of the image.
    folding: whether BatchNorm can be folded.
    rounding: whether an image mirrored beyond its last row and column to a
      multiple of `unshuffle` gives the result of the image, or has to do
      because the network refuses other sizes.
  """

  overlap: overlap_lib.Overlap | None
  masking: bool = True
  folding: bool = True
  rounding: bool = True


def of(generator: nn.Module, variables: Mapping[str, Any]) -> Equivalence:
  """Tells what leaves a network's results as they are.

  A warning is logged, once for each network, for what takes longer than it
  would for a network of this package.

  Args:
    generator: any generator, see `models`.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: see `checked`.
  """
  if type(generator) in _TESTED:
    return Equivalence(overlap_lib.of(generator))
  found = checked(generator, variables)
  _tell_once(generator, found)
  return found


def checked(generator: nn.Module, variables: Mapping[str, Any]) -> Equivalence:
  """Compares what upscalers do with the network's plain results.

  Args:
    generator: any generator, see `models`.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: the network has no `scale` or `receptive_radius`, its
      result has another size than they say, or it refuses some sizes without
      declaring `unshuffle`.
  """
  if "dtype" in models.fields_of(generator):
    generator = generator.clone(dtype="float32")
  _check_contract(generator, variables)
  samples = [variables, _random(variables)]
  folded = [folding.fold(generator, each) for each in samples]
  overlap = _tiles(generator, samples)
  folds, masks = True, _masks(generator, samples, folded)
  if not masks:
    folds = _folds(generator, samples, folded)
    masks = not folds and _masks(generator, samples, samples)
  return Equivalence(overlap, masks, folds, _rounds(generator, samples))


def _check_contract(generator, variables) -> None:
  name = type(generator).__name__
  for attribute in ("scale", "receptive_radius"):
    if not hasattr(generator, attribute):
      raise errors.InputError(
        f"the generator {name} has no attribute {attribute}: give it one, as"
        " srfeat_jax/models/__init__.py says"
      )
  height, width = _size(generator)
  try:
    shape = _shape(generator, variables, height, width)
  except (AssertionError, TypeError, ValueError) as error:
    reason = str(error).strip().split("\n")[0]
    raise errors.InputError(
      f"the generator {name} cannot take an image of {width} x {height} pixels"
      f" ({type(error).__name__}: {reason}): if height and width have to be"
      " multiples of a number, let its attribute unshuffle be that number"
    ) from error
  expected = (1, generator.scale * height, generator.scale * width, 3)
  if shape != expected:
    raise errors.InputError(
      f"the generator {name} makes {shape} of an image of {width} x {height}"
      f" pixels: expected {expected}, by its attribute scale"
    )


def _shape(generator, variables, height: int, width: int) -> tuple[int, ...]:
  """Of the result for an image of this size."""
  lr = jax.ShapeDtypeStruct((1, height, width, 3), jnp.float32)
  return jax.eval_shape(generator.apply, variables, lr).shape


def _tiles(generator, samples) -> overlap_lib.Overlap | None:
  """The least overlap with which tiles give the result of the whole image."""
  choices = [overlap_lib.of(generator), overlap_lib.exact(generator)]
  for overlap in dict.fromkeys(choices):
    if all(
      _same_in_tiles(_plain(generator, variables), generator.scale, overlap)
      for variables in samples
    ):
      return overlap
  return None


def _same_in_tiles(
  network: Network, scale: int, overlap: overlap_lib.Overlap
) -> bool:
  """Whether a part of an image has one result wherever it lies, in both axes.

  Three strips show the same part: at the left end, at the right, and between.
  They differ in brightness around it, so that a mean over the image shows; and
  the part moves by 5 and by 5 n - 4 times `unshuffle`, of which not both are
  multiples of the side of a window that moves with the image, if it has any.
  """
  unit, margin = overlap.unshuffle, overlap.margin
  part = 2 * margin + overlap.round_up(_KEPT)
  n = max(2, -(-part // (10 * unit)))
  around = (5 * n + 1) * unit
  rng = np.random.default_rng(0)
  height, width = overlap.round_up(_HEIGHT), part + around
  shown = rng.uniform(0.2, 0.7, (height, part, 3))
  starts = (0, around, 5 * unit)
  strips = np.stack(
    [
      rng.uniform(low, high, (height, width, 3))
      for low, high in ((0, 0.1), (0.3, 0.6), (0.6, 1))
    ]
  ).astype(np.float32)
  for strip, start in zip(strips, starts, strict=True):
    strip[:, start : start + part] = shown
  for axis in (2, 1):
    lr = strips if axis == 2 else strips.swapaxes(1, 2)
    srs = np.asarray(network(lr))
    srs = srs if axis == 2 else srs.swapaxes(1, 2)
    kept = [
      sr[:, scale * (start + margin) : scale * (start + part - margin)]
      for sr, start in zip(srs, starts, strict=True)
    ]
    if not (_equal(kept[0], kept[2]) and _equal(kept[1], kept[2])):
      return False
  return True


def _folds(generator, samples, folded) -> bool:
  """Whether folded variables give the result of the samples."""
  lr = _noise(*_size(generator))
  return all(
    _equal(
      tile_program.upscale_tiles(generator, used, lr, lr.shape[1:3]),
      _plain(generator, variables)(lr),
    )
    for variables, used in zip(samples, folded, strict=True)
  )


def _masks(generator, samples, used) -> bool:
  """Whether larger, masked tiles give the result of the samples.

  Args:
    generator: the network.
    samples: variables of the plain network.
    used: what to use with the tiles: the same variables, or these folded.
  """
  scale, (height, width) = generator.scale, _size(generator)
  lr = _noise(height, width)
  fill = (0, overlap_lib.exact(generator).round_up(_FILL))
  tile = np.pad(lr, ((0, 0), fill, fill, (0, 0)), mode="symmetric")
  for variables, each in zip(samples, used, strict=True):
    sr = tile_program.upscale_tiles(generator, each, tile, (height, width))
    sr = sr[:, : scale * height, : scale * width]
    if not _equal(sr, _plain(generator, variables)(lr)):
      return False
  return True


def _rounds(generator, samples) -> bool:
  """Whether mirroring to a multiple of `unshuffle` gives the same result."""
  unit, scale = overlap_lib.unshuffle_of(generator), generator.scale
  height, width = 3 * unit - 1, 2 * unit + 1
  if unit == 1:
    return True
  try:
    shape = _shape(generator, samples[0], height, width)
  except (AssertionError, TypeError, ValueError):
    return True  # it refuses such sizes
  if shape != (1, scale * height, scale * width, 3):
    return True  # it does not know what to do with them
  lr = _noise(height, width)
  fill = ((0, 0), (0, 1), (0, unit - 1), (0, 0))
  mirrored = np.pad(lr, fill, mode="symmetric")
  for variables in samples:
    network = _plain(generator, variables)
    sr = network(mirrored)[:, : scale * height, : scale * width]
    if not _equal(sr, network(lr)):
      return False
  return True


def _size(generator) -> tuple[int, int]:
  """Height and width of small images."""
  round_up = overlap_lib.exact(generator).round_up
  height, width = (round_up(length) for length in _SIZE)
  return height, width


def _noise(height: int, width: int) -> np.ndarray:
  return np.random.default_rng(1).random((1, height, width, 3), np.float32)


def _plain(generator, variables) -> Network:
  return functools.partial(_apply, generator, variables)


@functools.partial(jax.jit, static_argnums=0)
def _apply(generator, variables, lr):
  with jax.default_matmul_precision("highest"):
    return generator.apply(variables, lr)


def _equal(sr, expected) -> bool:
  sr, expected = (np.asarray(x, np.float64) for x in (sr, expected))
  if not np.isfinite(expected).all():
    return True  # of weights that have diverged nothing can be said
  difference = np.abs(sr - expected).max()
  return bool(difference <= _TOLERANCE * expected.std())


def _random(variables: Mapping[str, Any]) -> Any:
  """Variables of the same shapes, none of them trivial.

  Vectors and scalars, of which some must be positive, are in [0.2, 1].
  """
  rng = np.random.default_rng(2)

  def draw(leaf):
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
      return leaf
    if leaf.ndim < 2:
      values = rng.uniform(0.2, 1, leaf.shape)
    else:
      values = rng.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1]))
    return values.astype(leaf.dtype)

  return jax.tree.map(draw, dict(variables))


@functools.lru_cache(maxsize=256)
def _tell_once(generator: nn.Module, found: Equivalence) -> None:
  for sentence in sentences(generator, found):
    logging.warning("%s", sentence)


def sentences(generator: nn.Module, found: Equivalence) -> Sequence[str]:
  """Says what takes longer, or more memory, for this network."""
  name = type(generator).__name__
  if found.overlap is None:
    return (
      f"{name}: its results depend on more than the"
      f" {generator.receptive_radius} pixels around each that receptive_radius"
      " says, as with a mean over the whole image, so images are not cut into"
      " tiles but upscaled whole, as far as memory allows",
    )
  said = []
  if found.overlap != overlap_lib.of(generator):
    said.append(
      f"{name}: tiles overlap by its whole receptive radius,"
      f" {found.overlap.margin} pixels, because less changes its results"
    )
  if not found.masking:
    said.append(
      f"{name}: its results at an image's edges would change if images were"
      " filled to a common size, so each size of image is compiled for,"
      " which takes a while"
    )
  if not found.rounding:
    unshuffle = overlap_lib.unshuffle_of(generator)
    said.append(
      f"{name}: images whose height or width is no multiple of {unshuffle} are"
      " upscaled whole, as far as memory allows, because it does not mirror"
      " them to one"
    )
  return said
