"""What whole runs start from: weights of other runs, of other sizes."""

import shutil

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors, train
from tests.support import small_runs


class StartsTest(small_runs.RunTestCase):
  @parameterized.parameters("", "generator.safetensors")
  def test_starts_from_the_weights_of_another_run(self, name):
    ended = self.finished("first")
    config = small_runs.config(self.images)
    config.learning_rate.peak = 1e-30  # so that it ends where it starts
    config.learning_rate.final = 1e-30
    config.init_from = str(self.folder / "first" / name)
    state = train.train_and_evaluate(config, self.folder / "second")
    jax.tree.map(
      np.testing.assert_allclose, state.generator.params, ended.ema["params"]
    )

  @parameterized.parameters(
    ({"scale": 2}, {}, ("upsample_1",)),
    ({}, {"scale": 2}, ()),
    ({"scale": 1}, {"scale": 3, "num_blocks": 2},
     ("blocks_1", "skips_0", "upsample_0")),
  )  # fmt: skip
  def test_starts_from_weights_of_another_size(self, theirs, ours, new):
    first = self.folder / "first"
    config = small_runs.config(self.images, num_steps=2)
    config.crop_size = 24
    config.generator.update(theirs)
    ended = train.train_and_evaluate(config, first).ema["params"]
    config = small_runs.config(self.images, num_steps=2)
    config.crop_size = 24
    config.generator.update(ours)
    config.learning_rate.peak = 1e-30  # so that it ends where it starts
    config.learning_rate.final = 1e-30
    random = train.train_and_evaluate(config, self.folder / "random")
    config.init_from = str(first)
    state = train.train_and_evaluate(config, self.folder / "second")
    random, params = random.generator.params, state.generator.params
    self.assertEqual(params.keys(), random.keys())
    self.assertContainsSubset(new, params.keys())
    for name in params:
      expected = random if name in new else ended
      jax.tree.map(np.testing.assert_allclose, params[name], expected[name])
    # The run resumes, its start gone.
    shutil.rmtree(first)
    config.num_steps = 3
    resumed = train.train_and_evaluate(config, self.folder / "second")
    self.assertEqual(int(resumed.step), 3)

  def test_refuses_weights_of_another_architecture(self):
    self.finished("first")
    config = small_runs.config(self.images)
    config.init_from = str(self.folder / "first")
    config.generator.features = 12
    config.generator.num_blocks = 2
    with self.assertRaisesRegex(
      errors.InputError,
      r"features is 8 and 12; num_blocks is 1 and 2; .* missing:"
      r" params/blocks_1/.* of another shape: .*\(3, 3, 8, 8\) instead"
      r" of \(3, 3, 12, 12\)",
    ):
      train.train_and_evaluate(config, self.folder / "second")


if __name__ == "__main__":
  absltest.main()
