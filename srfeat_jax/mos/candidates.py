"""The images that raters can be shown, before a study is made of them.

A candidate is one image as one method made it, found by its method, set and
name; it is read when it is used: uint8, [H, W, 3] in RGB or [H, W] in gray.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from srfeat_jax import errors
from srfeat_jax.data import benchmarks
from srfeat_jax.image_io import images
from srfeat_jax.mos import evaluated
from srfeat_jax.ops import resize

HR, NEAREST, BICUBIC = "HR", "nearest", "bicubic"
INTERPOLATED = (NEAREST, BICUBIC)

Read = Callable[[], np.ndarray]
# An image of a set: the set's name and the image's.
Source = tuple[str, str]
# How to read each image of a method.
Images = dict[Source, Read]


@dataclasses.dataclass(frozen=True)
class Found:
  """What methods made.

  Attributes:
    methods: images by the method's name, in the order of the arguments.
    scales: scale factors by argument, of those that tell it.
  """

  methods: dict[str, Images]
  scales: dict[str, int]


def of_methods(arguments: Sequence[str]) -> Found:
  """Finds images that methods made.

  Args:
    arguments: each is the OUTPUT of `evaluate --save_images`, of which the
      images are taken that its results.json names; or METHOD=FOLDER, with
      images at FOLDER/SET/NAME.png, or at FOLDER/NAME.png if all other
      arguments have just one set.

  Raises:
    errors.InputError: an argument is neither, a folder holds no image, a
      results.json cannot be read, or two methods have the same name.
  """
  found: dict[str, Images] = {}
  scales: dict[str, int] = {}
  flat = []
  for argument in arguments:
    named: dict[str, Images] = {}
    if os.path.isdir(argument):
      results = evaluated.load(pathlib.Path(argument))
      scales[argument] = results.scale
      named = {
        method: {
          source: functools.partial(images.read, path)
          for source, path in paths.items()
        }
        for method, paths in results.methods.items()
      }
    else:
      method, sign, folder = argument.partition("=")
      if not (sign and method and os.path.isdir(folder)):
        raise errors.InputError(
          f'"{argument}" is not a folder: expected the --output of `evaluate'
          " --save_images`, or METHOD=FOLDER with a folder of images"
        )
      named = {method: _below(pathlib.Path(folder))}
      if any(not set_name for set_name, _ in named[method]):
        flat.append(method)
    for method in named:
      if method in found:
        raise errors.InputError(
          f"{argument} has images of {method}, as an argument before it has:"
          " call one of them otherwise, with METHOD=FOLDER"
        )
    found |= named
  _name_flat_sets(found, flat)
  return Found(found, scales)


def scale(scales: Mapping[str, int], told: int | None) -> int | None:
  """The scale factor of all images.

  Args:
    scales: of `Found`.
    told: what the user says, if anything.

  Returns:
    None if nothing says it.

  Raises:
    errors.InputError: there is a contradiction.
  """
  for argument, number in scales.items():
    if told not in (None, number):
      raise errors.InputError(
        f"--scale={told}, but by its results.json {argument} was upscaled by"
        f" {number}: leave --scale out, or name other results"
      )
  if len({*scales.values()}) > 1:
    each = ", ".join(f"{name} by {number}" for name, number in scales.items())
    raise errors.InputError(
      f"the results were upscaled by different factors, {each}: make a study"
      " of each factor"
    )
  return next(iter(scales.values()), told)


def of_benchmarks(
  folder: str,
  sets: Sequence[str],
  scale: int,
  interpolated: Sequence[str] = INTERPOLATED,
) -> dict[str, Images]:
  """Finds the HR images of benchmark sets, and interpolates their LR images.

  Args:
    folder: see `benchmarks.load`, and so are `sets` and `scale`.
    sets: names of the sets, at least one.
    scale: the scale factor of the methods.
    interpolated: some of `INTERPOLATED`.

  Returns:
    Images by method: HR, then `interpolated`.

  Raises:
    errors.InputError: a set is missing, or one of its files is wrong.
  """
  loaded = benchmarks.load(folder, sets, scale)
  made = {HR: {}} | {method: {} for method in interpolated}
  for each in loaded:
    for image in each.images:
      for method, found in made.items():
        found[each.name, image.name] = functools.partial(_make, image, method)
  return made


def check(methods: Mapping[str, Images]) -> None:
  """Refuses methods that cannot be compared.

  Raises:
    errors.InputError: there are fewer than two, or one lacks an image.
  """
  if len(methods) < 2:
    raise errors.InputError(
      f"only {', '.join(methods) or 'nothing'} is there to compare: expected"
      " two methods or more; name more folders, or the HR images with"
      " --benchmarks"
    )
  everything = {
    source: method for method in methods for source in methods[method]
  }
  for method, found in methods.items():
    for source, other in everything.items():
      if source not in found:
        raise errors.InputError(
          f"{method} has no image {'/'.join(source)}, which {other} has:"
          " expected the same images of all methods; choose sets that all have"
          " with --sets"
        )


def check_sizes(source: Source, arrays: Mapping[str, np.ndarray]) -> None:
  """Refuses versions of an image that differ in size.

  Args:
    source: the image, for the message.
    arrays: its version of each method.

  Raises:
    errors.InputError: as said.
  """
  sizes = {method: array.shape[:2] for method, array in arrays.items()}
  (first, size), *others = sizes.items()
  for method, other in others:
    if other != size:
      raise errors.InputError(
        f"{'/'.join(source)} has {size[0]} x {size[1]} pixels (height x width)"
        f" as {first} made it, and {other[0]} x {other[1]} as {method} did:"
        " expected the same size of all methods"
      )


def _below(folder: pathlib.Path) -> Images:
  """Images of a folder by set and name; the set is "" beside the folders."""
  found: Images = {}
  for path in images.find(folder):
    first, *rest = path.relative_to(folder).with_suffix("").parts
    source = (first, "/".join(rest)) if rest else ("", first)
    if source in found:
      raise errors.InputError(
        f"{path} differs from another file only in its extension: rename one"
      )
    found[source] = functools.partial(images.read, path)
  return found


def _name_flat_sets(found: dict[str, Images], flat: Sequence[str]) -> None:
  """Names the set of images that lie in no folder of a set."""
  sets = {set_name for each in found.values() for set_name, _ in each} - {""}
  if not flat:
    return
  if len(sets) > 1:
    raise errors.InputError(
      f"the images of {flat[0]} lie in no folder of a set, and there are"
      f" several sets, {', '.join(sorted(sets))}: expected FOLDER/SET/NAME.png"
    )
  name = next(iter(sets), "images")
  for method in flat:
    found[method] = {
      (set_name or name, image): read
      for (set_name, image), read in found[method].items()
    }


def _make(image: benchmarks.BenchmarkImage, method: str) -> np.ndarray:
  """HR, or its LR image interpolated."""
  hr = image.hr()
  if method == HR:
    return hr
  lr = image.lr()
  if lr is None:
    lr = resize.resize(hr, 1 / image.scale)
  return interpolate(lr, image.scale, method)


def interpolate(lr: np.ndarray, scale: int, method: str) -> np.ndarray:
  """Upscales LR, uint8 [h, w, 3] or [h, w], without a network.

  Args:
    lr: the image.
    scale: the scale factor.
    method: one of `INTERPOLATED`; bicubic is MATLAB's.
  """
  if method == NEAREST:
    return lr.repeat(scale, axis=0).repeat(scale, axis=1)
  return resize.resize(lr, scale)
