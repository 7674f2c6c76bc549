"""From options to an upscaler: of weights, of two blended, or bicubic."""

import os
from collections.abc import Callable, Sequence

import jax
import numpy as np

from srfeat_jax import errors, models
from srfeat_jax.inference import upscaler
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.weights import blending, lookup

_BICUBIC_SCALE = 4


def make(
  options: options_lib.Options,
) -> tuple[Callable[..., np.ndarray], int]:
  """Makes an upscaler, which uses all devices for the tiles of an image.

  Args:
    options: all are used except `outscale`.

  Returns:
    The upscaler, see the module `inference.upscaler`, and its scale factor
    (bicubic: 4).

  Raises:
    errors.InputError: there are no such weights, they cannot be blended, or an
      option does not fit them.
  """
  upscalers, scale = _make(options, [None])
  return upscalers[0], scale


def make_each(
  options: options_lib.Options,
) -> tuple[list[Callable[..., np.ndarray]], int]:
  """Makes an upscaler for each accelerator of this process, to call at once.

  Args:
    options: as `make`, and so is what is raised.

  Returns:
    The upscalers, of bicubic or on a CPU a single one, and their scale factor.
  """
  devices = jax.local_devices()
  if devices[0].platform == "cpu":  # which all use the same cores
    return _make(options, [None])
  return _make(options, [[device] for device in devices])


def _make(
  options: options_lib.Options,
  devices: Sequence[Sequence[jax.Device] | None],
) -> tuple[list[Callable[..., np.ndarray]], int]:
  if options.weights == options_lib.BICUBIC:
    if options.blend is not None:
      raise errors.InputError("blend: bicubic has no weights to blend")
    return [upscaler.bicubic], _BICUBIC_SCALE
  if options.blend is None or options.alpha is None:
    loaded = lookup.load(os.fspath(options.weights))
  else:
    loaded = blending.blend(
      os.fspath(options.weights), os.fspath(options.blend), options.alpha
    )
  generator = models.build(loaded.generator)
  upscalers: list[Callable[..., np.ndarray]] = [
    upscaler.Upscaler(
      generator,
      loaded.variables,
      options.tile,
      memory=options.memory,
      ensemble=options.ensemble,
      precision=options.precision,
      devices=each,
    )
    for each in devices
  ]
  return upscalers, generator.scale
