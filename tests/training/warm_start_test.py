"""Discriminators of another run."""

import json
import pathlib

import jax
import numpy as np
import optax
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.training import checkpoint, warm_start
from srfeat_jax.training import state as state_lib


def _variables(value: float, size: int = 3) -> dict:
  return {
    "params": {"conv_0": {"kernel": np.full(size, value, np.float32)}},
    "batch_stats": {"conv_0": {"u": np.full(2, value, np.float32)}},
  }


class WarmStartTest(parameterized.TestCase):
  def saved(self, discriminators: dict) -> str:
    folder = pathlib.Path(self.create_tempdir())
    adam = optax.adam(1e-3)
    generator = {"params": {"tail": np.zeros(2, np.float32)}}
    state = state_lib.start(
      generator, adam, discriminators, adam, keep_ema=False
    )
    config = {"generator": {"architecture": "srfeat"}}
    (folder / "config.json").write_text(json.dumps(config))
    checkpointer = checkpoint.Checkpointer(folder, 1)
    checkpointer.save(7, state, {}, config)
    checkpointer.close()
    return str(folder)

  def test_those_that_both_have(self):
    path = self.saved({"image": _variables(1), "feature": _variables(2)})
    for roles in (("image", "feature"), ("image",)):
      shapes = {name: _variables(0) for name in roles}
      found = warm_start.discriminators(path, shapes)
      self.assertEqual(found.keys(), shapes.keys())
      for name, value in zip(roles, (1, 2), strict=False):
        jax.tree.map(
          np.testing.assert_array_equal, found[name], _variables(value)
        )

  def test_one_that_is_new_is_told(self):
    path = self.saved({"image": _variables(1)})
    with self.assertLogs("absl", "WARNING") as logs:
      found = warm_start.discriminators(
        path, {"image": _variables(0), "feature": _variables(0)}
      )
    self.assertEqual(list(found), ["image"])
    self.assertIn("no discriminator feature, which begins", logs.output[0])

  @parameterized.parameters(
    ({}, "is a run with no discriminator: expected one with image"),
    ({"feature": _variables(1)}, "a run with feature: expected one with image"),
    (
      {"image": _variables(1, size=4)},
      r"another discriminator image than .*params/conv_0/kernel is \(4,\) and"
      r" \(3,\); set its fields",
    ),
  )
  def test_another_run(self, discriminators, sentence):
    path = self.saved(discriminators)
    with self.assertRaisesRegex(errors.InputError, sentence):
      warm_start.discriminators(path, {"image": _variables(0)})

  def test_no_run(self):
    folder = self.create_tempdir().full_path
    with self.assertRaisesRegex(
      errors.InputError, "init_discriminators_from: .* not the workdir of a run"
    ):
      warm_start.discriminators(folder, {"image": _variables(0)})


if __name__ == "__main__":
  absltest.main()
