"""Line charts, laid out for an SVG of `WIDTH` x `HEIGHT` units.

What is here is numbers and text; the page's template draws them, and its script
shows values next to the pointer.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

WIDTH, HEIGHT = 400, 248
LEFT, RIGHT, TOP, BOTTOM = 52, 388, 12, 212  # of the area of the lines
NEUTRAL = -1  # the color of what all runs are compared with
COLORS = 8
_CHARACTER_WIDTH = 6.4
_MOST_POINTS = 240
_FEW_POINTS = 20  # are marked one by one


@dataclasses.dataclass(frozen=True)
class Series:
  """A line of a chart.

  Attributes:
    name: of the line.
    x: at least one finite number.
    y: as many.
    color: from 0, or `NEUTRAL`.
    dash: SVG's `stroke-dasharray`, "" for a solid line.
    labels: of the points, none or as many.
    joined: whether there is a line from point to point.
  """

  name: str
  x: Sequence[float]
  y: Sequence[float]
  color: int = 0
  dash: str = ""
  labels: Sequence[str] = ()
  joined: bool = True


@dataclasses.dataclass(frozen=True)
class Tick:
  """A value at an axis: where it is, in units of the SVG, and its text."""

  place: float
  text: str


@dataclasses.dataclass(frozen=True)
class Mark:
  """A point, and its label if there is room for it, in units of the SVG.

  Attributes:
    x: of the point.
    y: likewise.
    label: "" for none.
    label_x: where it begins, or where it ends.
    label_y: its baseline.
    anchor: "start" or "end", which of the two `label_x` is.
  """

  x: float
  y: float
  label: str = ""
  label_x: float = 0.0
  label_y: float = 0.0
  anchor: str = "start"


@dataclasses.dataclass(frozen=True)
class Line:
  """A series, laid out.

  Attributes:
    name: as in `Series`.
    color: likewise, from 0 to `COLORS` - 1, or `NEUTRAL`.
    index: `Series.color`.
    dash: likewise.
    points: "x,y x,y ..." in units of the SVG, "" where points are not joined.
    marks: points that are marked.
  """

  name: str
  color: int
  index: int
  dash: str
  points: str
  marks: Sequence[Mark]


@dataclasses.dataclass(frozen=True)
class Chart:
  """A chart, laid out.

  Attributes:
    title: what it shows.
    x_title: below the axis.
    x_ticks: of the axis.
    y_ticks: likewise.
    lines: the series.
    description: what it shows for who cannot see it.
    data: for the script: name and values of each series, JSON-able.
  """

  title: str
  x_title: str
  x_ticks: Sequence[Tick]
  y_ticks: Sequence[Tick]
  lines: Sequence[Line]
  description: str
  data: Sequence[dict]


def lay_out(
  title: str,
  series: Sequence[Series],
  *,
  x_title: str = "step",
  logarithmic: bool = False,
  y_range: tuple[float, float] | None = None,
) -> Chart | None:
  """Lays out a chart.

  Args:
    title: what it shows.
    series: the lines; points that are not finite are left out.
    x_title: below the axis.
    logarithmic: whether y is on a logarithmic scale, if all of it is above 0.
    y_range: the least of the range of y.

  Returns:
    None if there is no point.
  """
  thinned = [thin for each in series if (thin := _thin(each)) is not None]
  if not thinned:
    return None
  all_x = np.concatenate([each.x for each in thinned])
  all_y = np.concatenate([each.y for each in thinned])
  logarithmic = logarithmic and bool(all_y.min() > 0)
  low, high = float(all_y.min()), float(all_y.max())
  if y_range:
    low, high = min(low, y_range[0]), max(high, y_range[1])
  x_axis = _Axis(float(all_x.min()), float(all_x.max()), LEFT + 6, RIGHT - 6)
  y_axis = _Axis(low, high, BOTTOM - 8, TOP + 4, logarithmic=logarithmic)
  all_places = [
    [
      (round(x_axis.place(x), 1), round(y_axis.place(y), 1))
      for x, y in zip(each.x, each.y, strict=True)
    ]
    for each in thinned
  ]
  labeler = _Labeler(itertools.chain(*all_places))
  lines = [
    _line(each, places, labeler)
    for each, places in zip(thinned, all_places, strict=True)
  ]
  data = [
    {
      "name": each.name,
      "run": each.color,
      "x": [_rounded(x) for x in each.x],
      "y": [_rounded(y) for y in each.y],
      "labels": list(each.labels),
    }
    for each in thinned
  ]
  return Chart(
    title,
    x_title,
    x_axis.ticks(),
    y_axis.ticks(),
    lines,
    _described(thinned, x_title),
    data,
  )


def _line(
  series: Series, places: Sequence[tuple[float, float]], labeler: "_Labeler"
) -> Line:
  is_neutral = series.color == NEUTRAL
  marked = not series.joined or (len(places) <= _FEW_POINTS and not is_neutral)
  labels = series.labels or [""] * len(places)
  return Line(
    series.name,
    NEUTRAL if is_neutral else series.color % COLORS,
    series.color,
    series.dash,
    " ".join(f"{x:g},{y:g}" for x, y in places) if series.joined else "",
    [
      labeler.mark(x, y, label)
      for (x, y), label in zip(places, labels, strict=True)
      if marked
    ],
  )


def constant(name: str, value: float, x: Sequence[float]) -> Series:
  """A dashed line at a value over the range of x."""
  return Series(name, [min(x), max(x)], [value, value], NEUTRAL, "5 4")


class _Labeler:
  """Finds room for labels next to their points."""

  def __init__(self, points: Iterable[tuple[float, float]]):
    self._boxes = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]

  def mark(self, x: float, y: float, label: str) -> Mark:
    """A point with its label, which is left out if it would hide another."""
    width = _CHARACTER_WIDTH * len(label)
    for left in (x + 6, x - 6 - width):
      for baseline in (y - 5, y + 13, y + 4):
        box = (left, baseline - 9, left + width, baseline + 2)
        inside = left >= LEFT and left + width <= RIGHT + 8
        if (
          label
          and inside
          and not any(_overlap(box, each) for each in self._boxes)
        ):
          self._boxes.append(box)
          is_right = left > x
          return Mark(
            *(x, y, label, round(left if is_right else x - 6, 1)),
            *(round(baseline, 1), "start" if is_right else "end"),
          )
    return Mark(x, y)


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
  return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class _Axis:
  """Maps values to places."""

  def __init__(
    self,
    low: float,
    high: float,
    start: float,
    end: float,
    *,
    logarithmic: bool = False,
  ):
    if low == high:
      margin = abs(low) / 10 or 1.0
      low, high = (
        (low / 2, high * 2) if logarithmic else (low - margin, high + margin)
      )
    self._low, self._high = low, high
    self._start, self._end = start, end
    self._logarithmic = logarithmic

  def place(self, value: float) -> float:
    low, high = self._low, self._high
    if self._logarithmic:
      value, low, high = map(math.log, (value, low, high))
    share = (value - low) / (high - low)
    return self._start + share * (self._end - self._start)

  def ticks(self) -> list[Tick]:
    values = self._values()
    thousands = max(map(abs, values), default=0) >= 10_000
    return [
      Tick(
        round(self.place(value), 1),
        f"{value / 1000:g}k" if thousands and value else f"{value:g}",
      )
      for value in values
    ]

  def _values(self) -> list[float]:
    if self._logarithmic:
      decades = range(
        math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1
      )
      for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [
          float(f"{factor}e{decade}")
          for decade in decades
          for factor in factors
          if self._low <= float(f"{factor}e{decade}") <= self._high
        ]
        if len(values) <= 6:
          break
      if len(values) >= 3:
        return values
    step = _step((self._high - self._low) / 4)
    first = math.ceil(self._low / step - 1e-9)
    last = math.floor(self._high / step + 1e-9)
    return [float(f"{i * step:.10g}") for i in range(first, last + 1)]


def _step(least: float) -> float:
  """The next number of 1, 2, 2.5 or 5 times a power of ten."""
  power = 10.0 ** math.floor(math.log10(least))
  return next(
    n * power for n in (1, 2, 2.5, 5, 10) if n * power >= least * 0.999
  )


def _thin(series: Series) -> Series | None:
  """Without points that are not finite, and of many those that show."""
  x, y = np.asarray(series.x, float), np.asarray(series.y, float)
  finite = np.isfinite(x) & np.isfinite(y)
  labels = [
    label for label, shown in zip(series.labels, finite, strict=False) if shown
  ]
  x, y = x[finite], y[finite]
  if not len(x):
    return None
  if len(x) > _MOST_POINTS:
    # Lowest and highest of each part, so that no peak is lost.
    parts = np.array_split(np.arange(len(x)), _MOST_POINTS // 2)
    kept = sorted(
      {0, len(x) - 1}
      | {int(part[y[part].argmin()]) for part in parts}
      | {int(part[y[part].argmax()]) for part in parts}
    )
    x, y = x[kept], y[kept]
    labels = [labels[i] for i in kept] if labels else labels
  return dataclasses.replace(series, x=x.tolist(), y=y.tolist(), labels=labels)


def _described(series: Sequence[Series], x_title: str) -> str:
  parts = [
    f"{each.name}: {each.y[-1]:.4g} at {x_title} {each.x[-1]:g}, from"
    f" {min(each.y):.4g} to {max(each.y):.4g}"
    for each in series
  ]
  return "; ".join(parts)


def _rounded(value: float) -> float:
  return float(f"{value:.5g}")
