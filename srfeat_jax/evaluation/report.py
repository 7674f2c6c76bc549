"""Results as tables, as files, and as images side by side.

`results` is what `evaluator.evaluate` returns, with the name of what was
evaluated under "weights". Further, if it is there: the "sets" of bicubic under
"bicubic", those of other baselines by their names under "baselines", and those
of more weights by theirs under "others"; "speed" by the name of the method;
"intervals", see `intervals.of`; and "published", see `published.rows`.
"""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srfeat_jax import atomic
from srfeat_jax.evaluation import (
  columns,
  detailed_region,
  latex,
  result_tables,
  tables,
)
from srfeat_jax.image_io import images

FILES = ("results.json", "results.md", "results.csv", "results.tex")
_PUBLISHED = "Published by others, each in its own protocol; not measured here."
# Of `comparison`:
_CROP = 96  # HR pixels on each side of the crops
_ZOOM = 3  # factor by which pixels of crops are repeated
_CAPTION = 28  # height of the captions, in pixels of the sheet
_GAP = 12  # space between two panels, likewise


def table(results: Mapping[str, Any]) -> str:
  """Lays out the main averages of each set in columns, for a screen."""
  on_screen = [
    each
    for each in result_tables.metrics(results)
    if columns.of(each).on_screen
  ]
  parts = [tables.plain(result_tables.means(results, on_screen))]
  if "speed" in results:
    parts.append(tables.plain(result_tables.speed(results)))
  if "published" in results:
    # Sources, which are long, are in the files.
    published = [row[:-1] for row in result_tables.published(results)]
    parts += [_PUBLISHED, tables.plain(published, names=3)]
  return "\n\n".join([*parts, *result_tables.gaps(results)])


def markdown(results: Mapping[str, Any]) -> str:
  """Writes a Markdown page of averages, then of each set's images."""
  protocol = results["protocol"]
  names = ", ".join([results["weights"], *results.get("others", {})])
  parts = [
    f"# {names}, x{protocol['scale']}",
    f"Protocol `{protocol['name']}`: {protocol['description']}.",
  ]
  if "lpips" in results:
    parts.append(f"`lpips`: {results['lpips']}.")
  for name, description in results.get("metrics", {}).items():
    parts.append(f"`{name}`: {description}.")
  for name, source in results.get("own_metrics", {}).items():
    parts.append(f"`{name}`: the function `{source}`.")
  metrics = result_tables.metrics(results)
  parts += [
    tables.markdown(result_tables.means(results, metrics)),
    *result_tables.gaps(results),
  ]
  if "speed" in results:
    parts += ["## Speed", tables.markdown(result_tables.speed(results))]
  if "intervals" in results:
    parts += _interval_parts(results)
  if "published" in results:
    parts += ["## Published", _PUBLISHED]
    parts.append(tables.markdown(result_tables.published(results), names=3))
  for name in results["sets"]:
    parts += [
      f"## {name}",
      tables.markdown(result_tables.images(results, name)),
    ]
  return "\n\n".join(parts) + "\n"


def comma_separated(results: Mapping[str, Any]) -> str:
  """Writes all numbers as CSV, unrounded.

  The column `kind` has "mean", for those over a set; "low" and "high", the ends
  of their intervals; "image"; and "published". There `protocol` is the
  published one. A number that is missing, not defined or infinite is empty.
  """
  metrics = result_tables.metrics(results)
  for row in results.get("published", ()):
    for scores in row["sets"].values():
      metrics += [each for each in scores if each not in metrics]
  ours = results["protocol"]["name"]
  rows = [["kind", "set", "image", "method", "protocol", "source", *metrics]]

  def add(kind, name, image, method, scores, protocol=ours, source=""):
    numbers = [scores.get(each) for each in metrics]
    cells = ["" if finite(x) is None else repr(finite(x)) for x in numbers]
    rows.append([kind, name, image, method, protocol, source, *cells])

  for name in results["sets"]:
    for method, sets in result_tables.methods(results).items():
      add("mean", name, "", method, sets[name])
      if "intervals" in results:
        ends = results["intervals"]["means"][method][name]
        for i, kind in enumerate(("low", "high")):
          add(kind, name, "", method, {k: v[i] for k, v in ends.items()})
  for row in results.get("published", ()):
    for name, scores in row["sets"].items():
      add(
        *("published", name, "", row["method"], scores),
        *(row["protocol"], row["source"]),
      )
  for name in results["sets"]:
    for method, sets in result_tables.methods(results).items():
      for image, scores in sets[name]["images"].items():
        add("image", name, image, method, scores)
  return tables.comma_separated(rows)


def write(results: Mapping[str, Any], folder: str | os.PathLike) -> None:
  """Writes `FILES`, each whole or not at all.

  JSON has no infinity: the PSNR of an image equal to its target, and a mean
  that contains it, is null, and so is what is not defined.

  Args:
    results: see the module.
    folder: where to write them; made if it is missing.

  Raises:
    errors.InputError: a file cannot be written.
  """
  folder = pathlib.Path(folder)
  text = json.dumps(finite(results), indent=2, allow_nan=False)
  protocol = results["protocol"]
  of_latex = latex.table(
    result_tables.methods(results),
    [
      each
      for each in result_tables.metrics(results)
      if columns.of(each).on_screen
    ],
    results.get("published", ()),
    f"x{protocol['scale']}, {protocol['description']}\n{_lpips(results)}needs"
    " \\usepackage{booktabs}",
  )
  written = (
    f"{text}\n",
    markdown(results),
    comma_separated(results),
    of_latex,
  )
  for name, content in zip(FILES, written, strict=True):
    atomic.replace(folder / name, content.encode())


def _lpips(results: Mapping[str, Any]) -> str:
  return f"LPIPS: {results['lpips']}\n" if "lpips" in results else ""


@dataclasses.dataclass(frozen=True)
class Row:
  """One image, upscaled by several methods, for `comparison`.

  Attributes:
    name: the name of the image.
    versions: uint8 [H, W, 3] or [H, W] by caption.
    target: the HR image, of the same shape.
  """

  name: str
  versions: Mapping[str, np.ndarray]
  target: np.ndarray


def comparison(rows: Sequence[Row], path: str | os.PathLike) -> None:
  """Draws a row for each image: the whole target, then a crop of each version.

  The crop is the square with the strongest gradients in the target, which is
  the last version.

  Args:
    rows: at least one, all with the same number of versions.
    path: the image file to write.

  Raises:
    errors.InputError: the file cannot be written.
  """
  side = _CROP * _ZOOM
  columns = len(rows[0].versions) + 2
  step_x, step_y = side + _GAP, side + _CAPTION + _GAP
  size = (_GAP + columns * step_x, _GAP + len(rows) * step_y)
  sheet = Image.new("RGB", size, "white")
  font = ImageFont.load_default(16)
  for i, row in enumerate(rows):
    box = _crop_box(row.target)
    panels = [(row.name, _overview(row.target, box, side))]
    panels += [
      (caption, Image.fromarray(image).crop(box).resize((side, side), 0))
      for caption, image in (*row.versions.items(), ("target", row.target))
    ]
    for j, (caption, panel) in enumerate(panels):
      x, y = _GAP + j * step_x, _GAP + i * step_y
      sheet.paste(panel, (x, y + side - panel.height))
      # On a strip of its own, which cuts off what is too long.
      strip = Image.new("RGB", (side, _CAPTION), "white")
      ImageDraw.Draw(strip).text((0, 4), caption, "black", font)
      sheet.paste(strip, (x, y + side))
  images.write(path, np.asarray(sheet))


def _crop_box(image: np.ndarray) -> tuple[int, int, int, int]:
  """Returns left, top, right and bottom of the square with most detail."""
  height, width = image.shape[:2]
  side = min(_CROP, height, width)
  gray = np.atleast_3d(image).mean(axis=-1)
  energy = sum(slope**2 for slope in np.gradient(gray))
  top, left = detailed_region.find(energy, side, side)
  return left, top, left + side, top + side


def _overview(
  image: np.ndarray, box: tuple[int, int, int, int], side: int
) -> Image.Image:
  """Fits the image into a square and marks the crop."""
  whole = Image.fromarray(image).convert("RGB")
  ratio = side / max(whole.size)
  size = [max(1, round(length * ratio)) for length in whole.size]
  whole = whole.resize(size, Image.Resampling.LANCZOS)
  corners = [round(edge * ratio) for edge in box]
  ImageDraw.Draw(whole).rectangle(corners, outline="red", width=2)
  return whole


def _interval_parts(results: Mapping[str, Any]) -> list[str]:
  """Two tables of intervals, with what they are."""
  intervals = results["intervals"]
  what = (
    f"{100 * intervals['level']:g} % intervals by the bootstrap over images:"
    f" {intervals['resamples']} resamples, seed {intervals['seed']}."
  )
  parts = ["## Intervals of the means", what]
  parts.append(tables.markdown(result_tables.ends(results, intervals["means"])))
  if "differences" in intervals:
    parts += [
      f"## Differences from {intervals['from']}",
      "Intervals of the mean difference on the same images. Where one has 0 in"
      " it, other images of this kind might reverse the order.",
      tables.markdown(
        result_tables.ends(results, intervals["differences"], intervals["from"])
      ),
    ]
  return parts


def finite(value: Any) -> Any:
  """Replaces numbers that are not finite by None, JSON's null, at any depth."""
  if isinstance(value, Mapping):
    return {key: finite(item) for key, item in value.items()}
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
