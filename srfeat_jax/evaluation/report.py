"""Results as tables, as files, and as images side by side.

`results` is what `evaluator.evaluate` returns, with the name of what was
evaluated under "weights", if there is a baseline to compare with, its "sets"
under "bicubic", and if more was evaluated, the "sets" of each by its name under
"others".
"""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srfeat_jax import atomic
from srfeat_jax.evaluation import detailed_region
from srfeat_jax.image_io import images

# Of `comparison`:
_CROP = 96  # HR pixels on each side of the crops
_ZOOM = 3  # factor by which pixels of crops are repeated
_CAPTION = 28  # height of the captions, in pixels of the sheet
_GAP = 12  # space between two panels, likewise
# Metrics that a screen has no room for; the files have them.
_NOT_ON_SCREEN = ("psnr_y_float", "mse_rgb", "phase_error", "color_error")
_THREE_DIGITS = ("checkerboard", "phase_error", "color_error")


def table(results: Mapping[str, Any]) -> str:
  """Lays out the main averages of each set in columns, for a screen."""
  rows = _means(results)
  shown = [
    i
    for i, name in enumerate(rows[0])
    if name not in _NOT_ON_SCREEN and not name.startswith("psnr_rgb_crop")
  ]
  header, *rows = [[row[i] for i in shown] for row in rows]
  widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
  lines = []
  for row in (header, ["-" * width for width in widths], *rows):
    names, numbers = row[:2], row[2:]
    cells = [
      text.ljust(width) for text, width in zip(names, widths, strict=False)
    ]
    cells += [
      text.rjust(width) for text, width in zip(numbers, widths[2:], strict=True)
    ]
    lines.append("  ".join(cells).rstrip())
  return "\n".join(lines)


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
  for name, source in results.get("own_metrics", {}).items():
    parts.append(f"`{name}`: the function `{source}`.")
  parts.append(_markdown_table(_means(results)))
  for name in results["sets"]:
    parts += [f"## {name}", _markdown_table(_images(results, name))]
  return "\n\n".join(parts) + "\n"


def write(results: Mapping[str, Any], folder: str | os.PathLike) -> None:
  """Writes `results.json` and `results.md`, each whole or not at all.

  JSON has no infinity: the PSNR of an image equal to its target, and a mean
  that contains it, is null.

  Args:
    results: see the module.
    folder: where to write them; made if it is missing.

  Raises:
    errors.InputError: a file cannot be written.
  """
  folder = pathlib.Path(folder)
  text = json.dumps(finite(results), indent=2, allow_nan=False)
  atomic.replace(folder / "results.json", f"{text}\n".encode())
  atomic.replace(folder / "results.md", markdown(results).encode())


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


def _methods(results: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
  """Yields the name and the sets of the baseline, if any, and all weights."""
  if "bicubic" in results:
    yield "bicubic", results["bicubic"]
  yield results["weights"], results["sets"]
  yield from results.get("others", {}).items()


def _means(results: Mapping[str, Any]) -> list[list[str]]:
  rows = []
  for name in results["sets"]:
    for method, sets in _methods(results):
      scores = {k: v for k, v in sets[name].items() if k != "images"}
      rows.append(
        [f"{name} ({len(sets[name]['images'])})", method, *_cells(scores)]
      )
  return [["set (images)", "method", *scores], *rows]


def _images(results: Mapping[str, Any], name: str) -> list[list[str]]:
  rows = []
  for image in results["sets"][name]["images"]:
    for method, sets in _methods(results):
      scores = sets[name]["images"][image]
      rows.append([image, method, *_cells(scores)])
  return [["image", "method", *scores], *rows]


def _cells(scores: Mapping[str, float]) -> list[str]:
  """Formats PSNR with two digits, SSIM and LPIPS with four, as papers do."""
  return [f"{value:.{_digits(metric)}f}" for metric, value in scores.items()]


def _digits(metric: str) -> int:
  if metric.startswith(("psnr", "mse")):
    return 2
  return 3 if metric in _THREE_DIGITS else 4


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
  header, *rows = rows
  rule = ["---", "---", *["---:"] * (len(header) - 2)]
  return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def finite(value: Any) -> Any:
  """Replaces numbers that are not finite by None, JSON's null, at any depth."""
  if isinstance(value, Mapping):
    return {key: finite(item) for key, item in value.items()}
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
