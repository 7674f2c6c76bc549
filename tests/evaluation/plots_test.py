"""Tests of srfeat_jax.evaluation.plots."""

import json
import pathlib
from unittest import mock

import numpy as np
from absl.testing import absltest
from matplotlib.backends import backend_agg

from srfeat_jax import errors
from srfeat_jax.evaluation import plots
from srfeat_jax.image_io import images


class TrainingCurveTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    folder = pathlib.Path(self.create_tempdir())
    self.metrics = folder / "metrics.jsonl"
    self.path = folder / "curve.png"

  def _draw(self, lines) -> np.ndarray:
    self.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    plots.training_curve(self.metrics, self.path)
    return images.read(self.path)

  def test_a_panel_for_each_kind_of_number(self):
    lines = [{"step": i, "loss/pixel": 1 / i} for i in range(1, 9)]
    heights = [len(self._draw(lines))]
    lines += [{"step": 8, "eval/set5/psnr_y": 29.0}]
    lines += [{"step": 0, "eval/set5/psnr_y_bicubic": 28.42}]
    heights.append(len(self._draw(lines)))
    lines += [{"step": i, "probability/image_real": 0.9} for i in range(1, 9)]
    heights.append(len(self._draw(lines)))
    self.assertEqual(heights, [384, 744, 1104])

  def test_what_discriminators_say_is_drawn(self):
    lines = [{"step": i, "loss/pixel": 1 / i} for i in (1, 2)]
    name = "probability/image_fake"
    drawn = [
      self._draw([*lines, {"step": 1, name: 0.5}, {"step": 2, name: last}])
      for last in (0.1, 0.9)
    ]
    self.assertFalse(np.array_equal(*drawn))

  def test_legends_stand_beside_the_curves(self):
    sheets = []
    with mock.patch.object(
      plots, "_write_figure", lambda sheet, path: sheets.append(sheet)
    ):
      self.metrics.write_text(
        '{"step": 1, "loss/pixel": 1, "eval/set5/psnr_y": 29,'
        ' "probability/feature_discriminator_real": 0.9}\n'
      )
      plots.training_curve(self.metrics, self.path)
    canvas = backend_agg.FigureCanvasAgg(sheets[0])
    canvas.draw()
    for axes in sheets[0].axes:
      legend = axes.get_legend().get_window_extent()
      self.assertGreaterEqual(legend.x0, axes.get_window_extent().x1)
      self.assertLessEqual(legend.x1, sheets[0].bbox.x1)

  def test_half_a_line(self):
    self._draw([{"step": 1, "loss/pixel": 1.0}])
    with open(self.metrics, "a") as file:
      file.write('{"step": 9, "loss/pi')
    plots.training_curve(self.metrics, self.path)

  def test_nothing_to_draw(self):
    with self.assertRaisesRegex(errors.InputError, "cannot be read"):
      plots.training_curve(self.metrics, self.path)
    with self.assertRaisesRegex(errors.InputError, "no loss"):
      self._draw([{"step": 1, "learning_rate": 1}])


class TradeoffTest(absltest.TestCase):
  def test_a_line_a_set(self):
    path = pathlib.Path(self.create_tempdir()) / "sweep.png"
    point = {"set": "Set5", "alpha": 0.0, "psnr_y": 31.0, "lpips": 0.15}
    plots.tradeoff([point], path)
    one = images.read(path)
    plots.tradeoff([point, {**point, "set": "Set14", "psnr_y": 28.0}], path)
    self.assertFalse(np.array_equal(one, images.read(path)))


if __name__ == "__main__":
  absltest.main()
