"""Plots of metrics and of training, as image files."""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import figure
from matplotlib.backends import backend_agg

from srfeat_jax import errors, places
from srfeat_jax.image_io import images


def training_curve(metrics: str | os.PathLike, path: str | os.PathLike) -> None:
  """Draws what a run logged over its steps: losses, probabilities, PSNR.

  Args:
    metrics: a `metrics.jsonl`; each line is an object with "step" and numbers
      by name, of which "loss/...", "probability/..." (of being real, by the
      discriminators) and "eval/SET/psnr_y" are drawn, and dashed
      "eval/SET/psnr_y_bicubic".
    path: the image file to write.

  Raises:
    errors.InputError: `metrics` cannot be read or holds no loss, or the file
      cannot be written.
  """
  curves = _curves(places.path(metrics))
  losses = [name for name in curves if name.startswith("loss/")]
  probabilities = [name for name in curves if name.startswith("probability/")]
  scores = [name for name in curves if name.endswith("/psnr_y")]
  if not losses:
    raise errors.InputError(f"{metrics} holds no loss to draw")
  panels = 1 + bool(probabilities) + bool(scores)
  sheet = figure.Figure((10, 0.2 + 3 * panels), 120, layout="constrained")
  axes = sheet.subplots(panels, sharex=True, squeeze=False)[:, 0]
  for name in losses:
    axes[0].plot(*curves[name], label=name, linewidth=1)
  axes[0].set(yscale="log", ylabel="loss")
  discriminators = list(
    dict.fromkeys(name.rpartition("_")[0] for name in probabilities)
  )
  for name in probabilities:
    line = "-" if name.endswith("_real") else ":"
    color = f"C{discriminators.index(name.rpartition('_')[0])}"
    axes[1].plot(*curves[name], color, linestyle=line, label=name)
  if probabilities:
    axes[1].set(ylabel="probability of being real", ylim=(-0.02, 1.02))
  for i, name in enumerate(scores):
    set_name = name.split("/")[1]
    marker = "." if len(curves[name][0]) < 50 else ""
    axes[-1].plot(*curves[name], f"C{i}", marker=marker, label=set_name)
    if f"{name}_bicubic" in curves:
      _, values = curves[f"{name}_bicubic"]
      label = f"{set_name}, bicubic"
      axes[-1].axhline(values[-1], color=f"C{i}", linestyle="--", label=label)
  if scores:
    axes[-1].set(ylabel="validation PSNR of Y, dB")
  axes[-1].set(xlabel="step")
  axes[-1].xaxis.get_major_locator().set_params(integer=True)
  for axis in axes:
    axis.grid(alpha=0.3, which="both")
    # Outside of the panel, where it hides no curve.
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
  _write_figure(sheet, path)


def tradeoff(
  points: Sequence[Mapping[str, Any]], path: str | os.PathLike
) -> None:
  """Draws LPIPS over PSNR: a line for each set, with alpha at each point.

  Args:
    points: each with "set", "alpha", "psnr_y" and "lpips", and perhaps the
      "backbone" of LPIPS, one for all.
    path: the image file to write.

  Raises:
    errors.InputError: the file cannot be written.
  """
  sheet = figure.Figure((6, 4.5), 120, layout="constrained")
  axis = sheet.subplots()
  for name in dict.fromkeys(point["set"] for point in points):
    ours = [point for point in points if point["set"] == name]
    x, y = ([point[k] for point in ours] for k in ("psnr_y", "lpips"))
    axis.plot(x, y, marker="o", label=name)
    for point in ours:
      place = (point["psnr_y"], point["lpips"])
      axis.annotate(
        f"{point['alpha']:g}", place, (4, 4), textcoords="offset points"
      )
  backbone = points[0].get("backbone")
  which = f"LPIPS ({backbone})" if backbone else "LPIPS"
  axis.set(xlabel="PSNR of Y, dB", ylabel=f"{which}, lower is better")
  axis.grid(alpha=0.3)
  axis.legend(frameon=False)
  _write_figure(sheet, path)


def _write_figure(sheet: figure.Figure, path: str | os.PathLike) -> None:
  canvas = backend_agg.FigureCanvasAgg(sheet)
  canvas.draw()
  images.write(path, np.array(canvas.buffer_rgba())[..., :3])


def _curves(path: pathlib.Path) -> dict[str, tuple[list, list]]:
  """Reads the steps and values of each number, by its name."""
  try:
    lines = path.read_text().splitlines()
  except places.failures(UnicodeDecodeError) as error:
    raise errors.InputError(f"{path} cannot be read: {error}") from error
  curves = {}
  for line in lines:
    try:
      scalars = json.loads(line)
    except json.JSONDecodeError:
      continue  # A run that was killed may leave half a line.
    step = scalars.pop("step")
    for name, value in scalars.items():
      steps, values = curves.setdefault(name, ([], []))
      steps.append(step)
      values.append(value)
  return curves


def degradations(
  hr: np.ndarray,
  lr: np.ndarray,
  captions: Sequence[str],
  path: str | os.PathLike,
) -> None:
  """Draws pairs of HR and LR crops, LR at HR's size, with captions.

  Args:
    hr: float [n, H, W, 3] in [0, 1].
    lr: float [n, h, w, 3] in [0, 1].
    captions: one for each pair.
    path: the image file to write.

  Raises:
    errors.InputError: the file cannot be written.
  """
  columns = min(4, len(hr))
  rows = -(-len(hr) // columns)
  size = (3.4 * columns, 2.3 * rows)
  sheet = figure.Figure(size, 110, layout="constrained")
  axes = sheet.subplots(rows, columns, squeeze=False).ravel()
  for axis in axes:
    axis.set_axis_off()
  for axis, target, degraded, caption in zip(
    axes, hr, lr, captions, strict=False
  ):
    factor = target.shape[0] // degraded.shape[0]
    blocks = degraded.repeat(factor, axis=0).repeat(factor, axis=1)
    both = np.concatenate([target, blocks], axis=1)
    axis.imshow(np.clip(both, 0, 1), interpolation="nearest")
    axis.set_title(caption, fontsize=6, loc="left")
  _write_figure(sheet, path)
