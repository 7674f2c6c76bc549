"""The plots of an opinion study, as image files."""

import pathlib

import numpy as np
from matplotlib import figure
from matplotlib.backends import backend_agg

from srfeat_jax.image_io import images
from srfeat_jax.mos import analysis as analysis_lib
from srfeat_jax.mos import study as study_lib

_SCORES = range(1, 6)
_RED = "#c8102e"


def distribution(analysis: analysis_lib.Analysis, path: pathlib.Path) -> None:
  """Draws how often each method was given each score, as in SRGAN's figure 5.

  A panel for each set, a column for each method; a darker cell is a score that
  was given more often, and the red mark is the mean.

  Args:
    analysis: of any study.
    path: the image file to write.

  Raises:
    errors.InputError: it cannot be written.
  """
  sets = analysis.sets
  methods = analysis.study.methods
  width = max(4.5, 1.6 + 0.9 * len(methods))
  sheet = figure.Figure((width, 0.9 + 3 * len(sets)), 120, layout="constrained")
  axes = sheet.subplots(len(sets), squeeze=False)[:, 0]
  mesh = None
  for axis, (name, each) in zip(axes, sets.items(), strict=True):
    shares = np.zeros((5, len(methods)))
    for column, method in enumerate(methods):
      if method in each.methods:
        counts = np.array(each.methods[method].histogram)
        shares[:, column] = counts / counts.sum()
    mesh = axis.imshow(
      shares,
      cmap="Blues",
      vmin=0,
      vmax=1,
      origin="lower",
      aspect="auto",
      extent=(-0.5, len(methods) - 0.5, 0.5, 5.5),
    )
    for column, method in enumerate(methods):
      for score, share in zip(_SCORES, shares[:, column], strict=True):
        if share >= 0.005:
          axis.annotate(
            f"{share:.0%}",
            (column - 0.12, score),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share > 0.55 else "#33363d",
          )
      if method in each.methods:
        mean = each.methods[method].mos
        left, right = column + 0.16, column + 0.46  # beside the numbers
        axis.plot((left, right), (mean, mean), _RED, linewidth=2.5)
    axis.set_title(name, loc="left")
    axis.set(ylabel="score", yticks=list(_SCORES))
    axis.set_yticks(
      list(_SCORES), [f"{score} {study_lib.WORDS[score]}" for score in _SCORES]
    )
    axis.set_xticks(np.arange(len(methods)), methods)
    _fit_names(axis, methods)
  assert mesh is not None  # there is a set
  label = "share of the ratings"
  aspect = 16 * len(sets)
  bar = sheet.colorbar(mesh, ax=list(axes), label=label, aspect=aspect)
  bar.ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
  axes[0].plot([], [], _RED, linewidth=2.5, label="mean")
  sheet.legend(loc="outside upper right", frameon=False)
  _write(sheet, path)


def bars(analysis: analysis_lib.Analysis, path: pathlib.Path) -> None:
  """Draws the mean opinion scores with their 95% intervals over raters.

  Args:
    analysis: of any study.
    path: the image file to write.

  Raises:
    errors.InputError: it cannot be written.
  """
  sets, methods = analysis.sets, analysis.study.methods
  width = max(4.5, 1.5 + len(methods) * (0.55 + 0.35 * len(sets)))
  sheet = figure.Figure((width, 4), 120, layout="constrained")
  axis = sheet.subplots()
  share = 0.8 / len(sets)
  for number, (name, each) in enumerate(sets.items()):
    places, scores, errors = [], [], []
    for column, method in enumerate(methods):
      found = each.methods.get(method)
      if found:
        low, high = found.interval or (np.nan, np.nan)  # no bar, not a flat one
        places.append(column + (number - (len(sets) - 1) / 2) * share)
        scores.append(found.mos)
        errors.append((found.mos - low, high - found.mos))
    # Bars begin at 1: there is no lower score.
    heights = [score - 1 for score in scores]
    axis.bar(
      places,
      heights,
      0.92 * share,
      1,
      color=f"C{number}",
      alpha=0.75,
      label=name,
    )
    axis.errorbar(
      places,
      scores,
      np.array(errors).T,
      color="black",
      linestyle="none",
      linewidth=1.2,
      capsize=4,
    )
    for place, score, (_, up) in zip(places, scores, errors, strict=True):
      axis.annotate(
        f"{score:.2f}",
        (place, score + np.nan_to_num(up)),
        (0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=8,
      )
  axis.set_xticks(np.arange(len(methods)), methods)
  axis.set_yticks(
    list(_SCORES), [f"{score} {study_lib.WORDS[score]}" for score in _SCORES]
  )
  axis.set(ylabel="mean opinion score, 95% over raters", ylim=(1, 5.35))
  axis.grid(axis="y", alpha=0.3)
  axis.set_axisbelow(True)
  _fit_names(axis, methods)
  if len(sets) > 1:
    sheet.legend(loc="outside upper right", ncols=len(sets), frameon=False)
  else:
    axis.set_title(next(iter(sets)), loc="left")
  _write(sheet, path)


def _fit_names(axis, methods) -> None:
  """Turns names that would run into each other."""
  if max(map(len, methods)) > 11:
    for label in axis.get_xticklabels():
      label.set(rotation=25, ha="right", rotation_mode="anchor")


def _write(sheet: figure.Figure, path: pathlib.Path) -> None:
  canvas = backend_agg.FigureCanvasAgg(sheet)
  canvas.draw()
  images.write(path, np.array(canvas.buffer_rgba())[..., :3])
