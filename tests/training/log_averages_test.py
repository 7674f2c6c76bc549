"""Tests of srfeat_jax.training.log_averages."""

import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.training import log_averages


class LogAveragesTest(parameterized.TestCase):
  def test_means_since_the_last_time(self):
    averages = log_averages.LogAverages()
    for step, value in ((1, 2.0), (2, 4.0), (3, 9.0)):
      averages.append(step, {"a": jnp.float32(value), "b": jnp.float32(-value)})
      averages.check()
    self.assertEqual(averages.flush(), {"a": 5.0, "b": -5.0})
    averages.append(4, {"a": jnp.float32(7)})
    self.assertEqual(averages.flush(), {"a": 7.0})

  @parameterized.parameters(float("nan"), float("inf"), float("-inf"))
  def test_names_the_term_and_the_first_step(self, bad):
    averages = log_averages.LogAverages()
    for step in range(5, 12):
      loss = jnp.float32(1 if step < 8 else bad)
      averages.append(step, {"loss/pixel": loss, "rate": jnp.float32(0)})
      if step == 6:
        averages.check()
    sentence = "^loss/pixel is not finite at step 8:"
    with self.assertRaisesRegex(errors.InputError, sentence):
      averages.check()

  def test_names_all_terms_and_flush_checks(self):
    averages = log_averages.LogAverages()
    bad = {"a": jnp.float32("nan"), "b": jnp.float32(1), "c": jnp.inf}
    averages.append(3, bad)
    with self.assertRaisesRegex(errors.InputError, "^a, c is not finite"):
      averages.flush()


if __name__ == "__main__":
  absltest.main()
