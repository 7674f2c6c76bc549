"""Results as tables, files and pictures side by side.

`results` is what `evaluator.evaluate` returns, with the name of what was
evaluated under "weights" and, to be set beside it, the "sets" of the baseline
under "bicubic" if there is one.
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
from srfeat_jax.image_io import images

_CROP = 96  # HR pixels a side of the detail that `comparison` shows,
_ZOOM = 3  # how much larger,
_CAPTION = 28  # the height of the line under it and
_GAP = 12  # the space between two, in pixels of the sheet.
# What a screen has no room for; the files have it.
_NOT_ON_SCREEN = ("psnr_y_float", "phase_error", "color_error")
_THREE_DIGITS = ("checkerboard", "phase_error", "color_error")


def table(results: Mapping[str, Any]) -> str:
  """Lays out the main means of each set in aligned columns, for a screen."""
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
  """Writes the means, then each set image by image, as a Markdown page."""
  protocol = results["protocol"]
  parts = [
    f"# {results['weights']}, x{protocol['scale']}",
    f"Protocol `{protocol['name']}`: {protocol['description']}.",
  ]
  if "lpips" in results:
    parts.append(f"`lpips`: {results['lpips']}.")
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
    folder: made if it is missing.

  Raises:
    errors.InputError: a file cannot be written.
  """
  folder = pathlib.Path(folder)
  text = json.dumps(finite(results), indent=2, allow_nan=False)
  atomic.replace(folder / "results.json", f"{text}\n".encode())
  atomic.replace(folder / "results.md", markdown(results).encode())


@dataclasses.dataclass(frozen=True)
class Row:
  """One picture as several methods enlarge it, for `comparison`.

  Attributes:
    name: the picture's.
    versions: uint8 [H, W, 3] or [H, W] by caption.
    target: the original, of the same shape.
  """

  name: str
  versions: Mapping[str, np.ndarray]
  target: np.ndarray


def comparison(rows: Sequence[Row], path: str | os.PathLike) -> None:
  """Draws a row for each picture: all of it, then a detail of each version.

  The detail is the square with the strongest gradients in the target, which
  stands last.

  Args:
    rows: at least one, all with as many versions.
    path: the picture file.

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
    box = _detail(row.target)
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


def _detail(image: np.ndarray) -> tuple[int, int, int, int]:
  """Returns left, top, right and bottom of the square with most gradient."""
  height, width = image.shape[:2]
  side = min(_CROP, height, width)
  gray = np.atleast_3d(image).mean(axis=-1)
  energy = sum(slope**2 for slope in np.gradient(gray))
  total = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
  inside = (
    total[side:, side:]
    - total[:-side, side:]
    - total[side:, :-side]
    + total[:-side, :-side]
  )
  top, left = map(int, np.unravel_index(inside.argmax(), inside.shape))
  return left, top, left + side, top + side


def _overview(
  image: np.ndarray, box: tuple[int, int, int, int], side: int
) -> Image.Image:
  """Fits the picture into a square and marks the detail."""
  whole = Image.fromarray(image).convert("RGB")
  ratio = side / max(whole.size)
  size = [max(1, round(length * ratio)) for length in whole.size]
  whole = whole.resize(size, Image.Resampling.LANCZOS)
  corners = [round(edge * ratio) for edge in box]
  ImageDraw.Draw(whole).rectangle(corners, outline="red", width=2)
  return whole


def _methods(results: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
  """Yields the names of baseline and weights, with their sets."""
  if "bicubic" in results:
    yield "bicubic", results["bicubic"]
  yield results["weights"], results["sets"]


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
  """PSNR to the hundredth of a dB, SSIM and LPIPS to four digits, as papers."""
  return [f"{value:.{_digits(metric)}f}" for metric, value in scores.items()]


def _digits(metric: str) -> int:
  if metric.startswith("psnr"):
    return 2
  return 3 if metric in _THREE_DIGITS else 4


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
  header, *rows = rows
  rule = ["---", "---", *["---:"] * (len(header) - 2)]
  return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def finite(value):
  """Puts None, JSON's null, for numbers that are not finite, however deep."""
  if isinstance(value, Mapping):
    return {key: finite(item) for key, item in value.items()}
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
