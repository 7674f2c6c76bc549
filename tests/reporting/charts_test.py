"""Where values are in a chart."""

import math

import numpy as np
from absl.testing import absltest

from srfeat_jax.reporting import charts


def places(line) -> np.ndarray:
  return np.array([each.split(",") for each in line.points.split()], float)


class ChartsTest(absltest.TestCase):
  def test_places_agree_with_ticks(self):
    chart = charts.lay_out(
      "loss", [charts.Series("a", [0, 500, 1000], [2.0, 1.0, 0.0])]
    )
    (line,) = chart.lines
    x, y = places(line).T
    self.assertEqual(x[1], (x[0] + x[2]) / 2)
    self.assertLess(y[0], y[1])  # larger values are higher up
    self.assertGreaterEqual(min(x), charts.LEFT)
    self.assertLessEqual(max(x), charts.RIGHT)
    self.assertBetween(min(y), charts.TOP, charts.BOTTOM)
    ticks = {tick.text: tick.place for tick in chart.x_ticks}
    self.assertAlmostEqual(ticks["500"], x[1], delta=0.11)
    ticks = {tick.text: tick.place for tick in chart.y_ticks}
    self.assertAlmostEqual(ticks["1"], y[1], delta=0.11)
    self.assertIn("a: 0 at step 1000, from 0 to 2", chart.description)

  def test_logarithmic(self):
    series = charts.Series("a", [1, 2, 3], [0.01, 0.1, 1.0])
    chart = charts.lay_out("loss", [series], logarithmic=True)
    y = places(chart.lines[0])[:, 1]
    self.assertAlmostEqual(y[0] - y[1], y[1] - y[2], delta=0.11)
    self.assertContainsSubset(
      {"0.01", "0.1", "1"}, {tick.text for tick in chart.y_ticks}
    )
    # A loss of 0 has no logarithm.
    zero = charts.Series("a", [1, 2, 3], [0.0, 0.5, 1.0])
    y = places(charts.lay_out("loss", [zero], logarithmic=True).lines[0])[:, 1]
    self.assertAlmostEqual(y[0] - y[1], y[1] - y[2], delta=0.11)

  def test_few_points_of_many_keep_the_peak(self):
    y = np.ones(10_000)
    y[4321] = 9
    y[77] = math.nan
    chart = charts.lay_out("loss", [charts.Series("a", range(10_000), y)])
    (data,) = chart.data
    self.assertLess(len(data["x"]), 300)
    self.assertEqual(data["x"][int(np.argmax(data["y"]))], 4321)
    self.assertEqual((data["x"][0], data["x"][-1]), (0, 9999))
    self.assertLen(places(chart.lines[0]), len(data["x"]))

  def test_labels_do_not_hide_each_other(self):
    y = [1.0, 1.001, 1.0, 3.0]
    labels = ["first", "second", "third", "fourth"]
    series = charts.Series("a", [1, 1, 1.001, 2], y, labels=labels)
    (line,) = charts.lay_out("psnr", [series]).lines
    shown = [mark for mark in line.marks if mark.label]
    self.assertIn("fourth", [mark.label for mark in shown])
    self.assertLen({(mark.label_x, mark.label_y) for mark in shown}, len(shown))
    many = charts.Series("a", [1] * 20, [1] * 20, labels=["label"] * 20)
    (line,) = charts.lay_out("psnr", [many]).lines
    shown = [mark.label_y for mark in line.marks if mark.label]
    self.assertBetween(len(shown), 1, 6)
    self.assertLen(line.marks, 20)

  def test_one_value_and_none(self):
    chart = charts.lay_out("psnr", [charts.Series("a", [5], [30.0])])
    self.assertLen(chart.lines[0].marks, 1)
    self.assertNotEmpty(chart.y_ticks)
    nothing = [charts.Series("a", [1], [math.inf]), charts.Series("b", [], [])]
    self.assertIsNone(charts.lay_out("psnr", nothing))


if __name__ == "__main__":
  absltest.main()
