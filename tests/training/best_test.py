"""Which validation is the best, and in what."""

import json
import math

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import best

_MEASURED = ("psnr_y", "ssim_y", "checkerboard")


class BestTest(parameterized.TestCase):
  @parameterized.parameters(
    ("gan", (*_MEASURED, "lpips"), "", "lpips", 2),
    ("gan", _MEASURED, "", "psnr_y", 1),
    ("pretrain", (*_MEASURED, "lpips"), "", "psnr_y", 1),
    ("pretrain", _MEASURED, "checkerboard", "checkerboard", 2),
    ("pretrain", (*_MEASURED, "mse_rgb"), "mse_rgb", "mse_rgb", 2),
    ("pretrain", (*_MEASURED, "mine"), "min:mine", "mine", 2),
    ("pretrain", (*_MEASURED, "mine"), "max:mine", "mine", 1),
  )
  def test_metric(self, kind, measured, wanted, metric, expected):
    """More is better at step 1, less at step 2."""
    config = {"gan": gan, "pretrain": pretrain}[kind].get_config("srfeat_lite")
    config.validation.best_metric = wanted
    found = best.make(config, measured)
    self.assertEqual(found.metric, metric)
    for step, value in ((1, 3.0), (2, 2.0), (3, math.nan)):
      # The mean over the sets; another metric with such an end is none of it.
      found.update(
        step,
        {
          f"eval/set5/{metric}": value + 9,
          f"eval/set14/{metric}": value - 9,
          f"eval/set5/not_{metric}": 99.0 * step,
          f"loss/{metric}": 99.0 * step,
        },
      )
    self.assertEqual(found.step, expected)

  def test_goes_on_from_a_checkpoint(self):
    config = pretrain.get_config("srfeat_lite")
    found, other = (best.make(config, _MEASURED) for _ in range(2))
    self.assertTrue(found.update(5, {"eval/set5/psnr_y": 30.0}))
    other.set_state(json.loads(json.dumps(found.get_state())))
    self.assertFalse(other.update(10, {"eval/set5/psnr_y": 29.9}))
    self.assertEqual(other.step, 5)
    config.validation.best_metric = "ssim_y"
    another = best.make(config, _MEASURED)
    another.set_state(found.get_state())
    self.assertIsNone(another.step)

  @parameterized.parameters(
    (
      "lpips",
      'is "lpips", which is not measured: .*or set config.validation.lpips',
    ),
    ("mine", 'is "mine": expected "max:mine" if more of it is better, or "min'),
    ("most:mine", 'is "most:mine": expected "max:mine"'),
  )
  def test_what_is_refused(self, wanted, sentence):
    config = pretrain.get_config("srfeat_lite")
    config.validation.best_metric = wanted
    with self.assertRaisesRegex(errors.InputError, sentence):
      best.make(config, (*_MEASURED, "mine"))


if __name__ == "__main__":
  absltest.main()
