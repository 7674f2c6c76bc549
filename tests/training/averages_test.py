"""The average of schedule-free Adam, by the paper's equations.

That of `config.ema_decay` is tested as part of a step, in steps_test.
"""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import common, pretrain
from srfeat_jax.training import averages, config_checks, optimizers
from srfeat_jax.training import state as state_lib


class ScheduleFreeTest(parameterized.TestCase):
  @parameterized.parameters(0.0, 1.0)
  def test_equations(self, clip_norm):
    """Defazio et al. 2024, equations 3 to 5, with Adam's denominator."""
    config = common.get_config()
    config.optimizer.kind = "schedule_free_adam"
    config.optimizer.clip_norm = clip_norm
    config.learning_rate = common.piecewise(0.1, (), ())
    optimizer = optimizers.build(config).generator
    self.assertTrue(averages.kept(config))
    params = {"kernel": np.float32([1.0, -2.0, 3.0])}
    state = state_lib.start(
      {"params": params}, optimizer, {}, optimizer, keep_ema=True
    )
    network, average = state.generator, state.ema
    x = z = y = params["kernel"].astype(float)
    squares, beta, b2 = np.zeros(3), 0.9, 0.999
    for step in range(1, 6):
      gradient = 3 * y - [1.0, 0.0, 2.0]
      if clip_norm:
        gradient *= min(1, clip_norm / np.linalg.norm(gradient))
      squares = b2 * squares + (1 - b2) * gradient**2
      z = z - 0.1 * gradient / (np.sqrt(squares / (1 - b2**step)) + 1e-8)
      x = (1 - 1 / step) * x + z / step
      y = (1 - beta) * z + beta * x
      network = network.update(
        optimizer,
        {"kernel": 3 * network.params["kernel"] - np.float32([1, 0, 2])},
        {},
      )
      average = averages.updated(config, average, network, np.int32(step - 1))
      np.testing.assert_allclose(network.params["kernel"], y, rtol=1e-5)
      np.testing.assert_allclose(average["params"]["kernel"], x, rtol=1e-5)
    self.assertFalse(np.allclose(x, y, rtol=1e-3))

  def test_two_averages_are_refused(self):
    config = pretrain.get_config("srfeat_lite")
    config.optimizer.kind = "schedule_free_adam"
    with self.assertRaisesRegex(errors.InputError, "set config.ema_decay=0"):
      config_checks.check(config)
    config.ema_decay = 0.0
    config_checks.check(config)

  def test_batch_norm_must_be_frozen(self):
    config = common.get_config()
    config.optimizer.kind = "schedule_free_adam"
    network = state_lib.NetworkState({}, {"mean": np.zeros(1)}, ())
    with self.assertRaisesRegex(errors.InputError, "has BatchNorm, whose"):
      averages.check_batch_norm(config, network)
    config.freeze_batch_norm = True
    averages.check_batch_norm(config, network)


if __name__ == "__main__":
  absltest.main()
