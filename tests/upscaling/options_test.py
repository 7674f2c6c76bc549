"""Options of upscaling: what they refuse, and what they are called."""

import dataclasses
import pathlib

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.inference import upscaler
from srfeat_jax.upscaling import options
from srfeat_jax.weights import shipped
from tests.support import programs


class OptionsTest(parameterized.TestCase):
  def test_defaults(self):
    made = options.Options()
    self.assertEqual(made.weights, shipped.DEFAULT)
    self.assertEqual(made.name, shipped.DEFAULT)

  def test_paths_and_equal_options_are_one(self):
    first = options.Options(pathlib.Path("a/b"), blend="c", alpha=0.5)
    again = options.Options("a/b", blend=pathlib.Path("c"), alpha=0.5)
    self.assertEqual({first, again}, {first})

  def test_cannot_be_changed_and_is_checked_when_replaced(self):
    made = options.Options("x")
    with self.assertRaises(dataclasses.FrozenInstanceError):
      made.alpha = 1.0
    with self.assertRaisesRegex(errors.InputError, "tile is 0"):
      dataclasses.replace(made, tile=0)

  @parameterized.parameters(
    ({"outscale": 0}, "outscale is 0: expected .* above 0, at most 16"),
    ({"outscale": 16.5}, "outscale is 16.5"),
    ({"outscale": float("nan")}, "outscale is nan"),
    ({"tile": 1.5}, "tile is 1.5: expected a whole number of pixels"),
    ({"memory": -1}, "memory is -1"),
    ({"precision": "fp16"}, "precision is 'fp16': .* float32, bfloat16"),
    ({"alpha": "half", "blend": "x"}, "alpha is 'half'"),
    ({"alpha": 0.5}, "blend and alpha belong together"),
    ({"blend": "x"}, "blend and alpha belong together"),
    ({"weights": None}, "weights is None: expected a name"),
    ({"weights": b"x"}, "weights is b'x'"),
  )
  def test_refuses(self, fields, sentence):
    with self.assertRaisesRegex(errors.InputError, sentence):
      options.Options(**fields)

  @parameterized.parameters(
    ({}, "runs/x4", "x4"),
    (
      {"blend": "runs/gan", "alpha": 0.3},
      "runs/x4 + 0.3 runs/gan",
      "gan x 0.3",
    ),
    ({"ensemble": True}, "runs/x4 (ensemble)", "x4"),
    ({"precision": "bfloat16"}, "runs/x4 (bfloat16)", "x4"),
  )
  def test_names(self, fields, name, short_name):
    made = options.Options("runs/x4", **fields)
    self.assertEqual((made.name, made.short_name), (name, short_name))

  def test_precisions_are_those_of_the_upscaler(self):
    self.assertEqual(options.PRECISIONS, upscaler.PRECISIONS)

  def test_takes_no_jax(self):
    code = (
      "import sys\nfrom srfeat_jax.upscaling import options, upscaler_flags\n"
      "print(*sys.modules)\n"
    )
    modules = programs.run(code).stdout.split()
    self.assertIn("srfeat_jax.upscaling.options", modules)
    self.assertNoCommonElements(modules, ["jax", "flax"])


if __name__ == "__main__":
  absltest.main()
