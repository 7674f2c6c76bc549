"""What a report shows of images: sliders, crops and feature maps."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from srfeat_jax.interchange import vgg19_file
from srfeat_jax.reporting import embedding, feature_maps, gallery
from srfeat_jax.reporting import sources as sources_lib

_CROP = 96  # pixels a side
_OVERVIEW = 240  # pixels of the longer side
_MOST_COLUMNS = 8  # of crops
_MOST_CROPPED = 6  # images
_MOST_MAPPED = 2
_MOST_MAPS = 12  # versions
_MOST_VERSIONS = 10


@dataclasses.dataclass(frozen=True)
class Viewer:
  """A slider over the versions of an image.

  Attributes:
    title: the names of the set and the image.
    width: in pixels.
    height: likewise.
    versions: caption, PSNR of Y in dB or None, and address of each version, the
      target last.
    left: index of the version on the left at first.
    right: likewise, on the right.
  """

  title: str
  width: int
  height: int
  versions: Sequence[tuple[str, float | None, str]]
  left: int
  right: int


@dataclasses.dataclass(frozen=True)
class Crops:
  """The same crop of all versions of an image.

  Attributes:
    title: the names of the set and the image.
    overview: the address of the whole image.
    width: of the whole image in pixels.
    height: likewise.
    box: where the crop is, in percent: left, top, width, height.
    panels: caption, PSNR and address, as in `Viewer`.
  """

  title: str
  overview: str
  width: int
  height: int
  box: tuple[float, float, float, float]
  panels: Sequence[tuple[str, float | None, str]]

  @property
  def columns(self) -> int:
    """How many stand side by side, the whole image among them, at most."""
    count = len(self.panels) + 1
    return -(-count // -(-count // _MOST_COLUMNS))


@dataclasses.dataclass(frozen=True)
class Figures:
  """All that is shown of images.

  Attributes:
    viewers: headings, and sliders below each: the worst images, the best ones,
      and those that cannot be sorted.
    sorted_by: the version whose PSNR sorts them; "" if that is not known.
    compression: of the images in them, in words.
    crops: one for each of a few images.
    layer: of VGG-19, whose features are shown.
    maps: feature maps of one or a few images.
    maps_need: how to get them; "" if they are there.
    remarks: sentences about what was left out.
  """

  viewers: Sequence[tuple[str, Sequence[Viewer]]]
  sorted_by: str
  compression: str
  crops: Sequence[Crops]
  layer: str
  maps: Sequence[feature_maps.Figure]
  maps_need: str
  remarks: Sequence[str]


def make(
  sources: sources_lib.Sources,
  benchmarks: str | os.PathLike | None,
  vgg_weights: str | None,
  count: int,
) -> Figures:
  """Chooses images and makes the figures.

  Args:
    sources: runs and results.
    benchmarks: folder of the sets of evaluated images; None without.
    vgg_weights: a file of VGG-19; None for no feature maps.
    count: the most images with sliders.

  Raises:
    errors.InputError: a file cannot be read.
  """
  layer, scale = _features(sources)
  extractor = None
  if vgg_weights is not None:
    extractor = feature_maps.Extractor(vgg_weights, layer, scale)
  found = gallery.Gallery(sources, benchmarks)
  keys = found.keys
  middles = [stage for stage in gallery.stages(sources) if stage.is_middle]
  is_middle = {stage.caption for stage in middles}
  captions = [each for each in found.captions if each not in is_middle]
  remarks = [
    f"{caption} is shown as {one}: but for rounding the pixels are the same"
    for caption, one in found.counterparts.items()
  ]
  if len(captions) > _MOST_VERSIONS:
    remarks.append(
      f"images have more than {_MOST_VERSIONS} versions: the figures show the"
      " first ones"
    )
    captions = captions[:_MOST_VERSIONS]
  first, last = _ends(found, captions)
  worst, best = gallery.ranked([found.score(key, last) for key in keys], count)
  others = sorted({*range(len(keys))} - {*worst, *best})
  others = others[: max(0, count - len(worst) - len(best))]
  examples = [found.example(keys[i]) for i in (*worst, *best, *others)]
  if len(keys) > len(examples):
    remarks.append(
      f"{len(examples)} of {len(keys)} images have sliders: the worst and the"
      " best ones; --images=N shows more"
    )
  shown = [_shown(each, captions) for each in examples]
  viewers, compression = _viewers(examples, shown, (first, last), remarks)
  of = f": {len(worst)} of {len(keys)}" if len(keys) > len(examples) else ""
  ends = len(worst), len(worst) + len(best), len(examples)
  headings = f"Worst first{of}", "Best first", "Without a PSNR to sort them by"
  many = sorted(range(len(examples)), key=lambda i: -len(examples[i].versions))
  # Feature maps follow adversarial training, pre-training only to its end.
  left_out = {each.caption for each in middles if not each.is_adversarial}
  maps = _maps(extractor, [examples[i] for i in many], left_out, remarks)
  return Figures(
    [
      (heading, group)
      for heading, start, end in zip(headings, (0, *ends), ends, strict=False)
      if (group := [viewers[i] for i in range(start, end) if i in viewers])
    ],
    last if worst else "",
    compression,
    [_crops(examples[i], shown[i]) for i in many[:_MOST_CROPPED]],
    layer,
    maps,
    "" if maps else _maps_need(vgg_weights, bool(examples)),
    remarks,
  )


def _ends(found: gallery.Gallery, captions: Sequence[str]) -> tuple[str, str]:
  """What sliders show at first: the first and last of what most images have."""
  counts = {caption: found.count(caption) for caption in captions}
  outputs = [each for each in captions if each != gallery.BICUBIC] or captions
  most = max((counts[each] for each in outputs), default=0)
  common = [each for each in captions if counts[each] >= most]
  return (common[0], common[-1]) if common else ("", "")


def _viewers(
  examples: Sequence[gallery.Example],
  groups: Sequence[dict[str, np.ndarray]],
  ends: tuple[str, str],
  remarks: list[str],
) -> tuple[dict[int, Viewer], str]:
  """Sliders by the indices of their images, and the compression."""
  # The best and the worst ones first, for those in between may be left out.
  order = sorted(range(len(groups)), key=lambda i: min(i, len(groups) - 1 - i))
  fitted, words = embedding.fitted([groups[i] for i in order])
  if len(fitted) < len(groups):
    remarks.append(
      f"{len(groups) - len(fitted)} images with sliders were left out, as the"
      " file would be too large"
    )
  viewers = {}
  for i, addresses in zip(order, fitted, strict=False):
    example = examples[i]
    height, width = next(iter(groups[i].values())).shape[:2]
    versions = [
      (caption, _finite(example.psnr.get(caption)), address)
      for caption, address in addresses.items()
    ]
    left, right = _sides(list(addresses), ends)
    viewers[i] = Viewer(example.title, width, height, versions, left, right)
  return viewers, words


def _sides(captions: Sequence[str], ends: tuple[str, str]) -> tuple[int, int]:
  """Indices of two versions; others only where an image lacks those."""
  outputs = [each for each in captions if each != gallery.TARGET] or captions
  left, right = (
    end if end in captions else outputs[place]
    for end, place in zip(ends, (0, -1), strict=True)
  )
  if left == right:  # compared with the target, if there is one
    right = captions[-1]
  return captions.index(left), captions.index(right)


def _shown(
  example: gallery.Example, captions: Sequence[str]
) -> dict[str, np.ndarray]:
  """Some of the versions of an image, and the target."""
  versions = {
    caption: example.versions[caption]
    for caption in captions
    if caption in example.versions
  }
  if example.target is not None:
    versions[gallery.TARGET] = example.target
  return versions


def _crops(example: gallery.Example, versions: dict[str, np.ndarray]) -> Crops:
  whole = list(versions.values())[-1]
  top, left, side = gallery.crop_box(whole, _CROP)
  height, width = whole.shape[:2]
  panels = [
    (
      caption,
      _finite(example.psnr.get(caption)),
      embedding.address(image[top : top + side, left : left + side]),
    )
    for caption, image in versions.items()
  ]
  small = Image.fromarray(whole)
  small.thumbnail((_OVERVIEW, _OVERVIEW))
  box = (
    *(100 * left / width, 100 * top / height),
    *(100 * side / width, 100 * side / height),
  )
  overview = embedding.address(np.asarray(small), quality=80)
  return Crops(example.title, overview, *small.size, box, panels)


def _maps(
  extractor: feature_maps.Extractor | None,
  examples: Sequence[gallery.Example],
  left_out: set[str],
  remarks: list[str],
) -> list[feature_maps.Figure]:
  if extractor is None:
    return []
  figures = []
  for example in examples[:_MOST_MAPPED]:
    captions = [each for each in example.versions if each not in left_out]
    if len(captions) > _MOST_MAPS:
      remarks.append(
        f"feature maps of {example.title}: the first {_MOST_MAPS} of"
        f" {len(captions)} versions"
      )
    figure = extractor.figure(example, captions[:_MOST_MAPS])
    if figure:
      figures.append(figure)
  return figures


def _maps_need(vgg_weights: str | None, has_images: bool) -> str:
  if not has_images:
    return (
      "They need images: snapshots in the workdirs, which training writes with"
      " config.data.benchmarks, or what evaluate --save_images wrote."
    )
  if vgg_weights is None:
    return (
      "They need VGG-19's weights, --vgg_weights=FILE. To get them,"
      f" {vgg19_file.where_to_get('caffe')}."
    )
  return (
    "They need a target: add --benchmarks=FOLDER, the sets that were evaluated."
  )


def _features(sources: sources_lib.Sources) -> tuple[str, float]:
  """The layer and factor of the first run that has a feature discriminator."""
  for run in sources.runs:
    if "discriminators.feature.architecture" in run.config:
      layer = run.config.get("losses.feature_layer")
      scale = run.config.get("losses.feature_scale")
      if isinstance(layer, str) and isinstance(scale, float | int):
        return layer, float(scale)
  return feature_maps.LAYER, feature_maps.SCALE


def _finite(value: float | None) -> float | None:
  return value if value is not None and np.isfinite(value) else None


def benchmarks_of(
  sources: sources_lib.Sources, folder: str | None
) -> str | None:
  """The folder of benchmark sets: the one named, or that of a run.

  Args:
    sources: of the report.
    folder: as the user named it, None if not.
  """
  if folder is not None or not sources.results:
    return folder
  for run in sources.runs:
    named = run.config.get("data.benchmarks")
    if isinstance(named, str) and os.path.isdir(named):
      return named
  return None
