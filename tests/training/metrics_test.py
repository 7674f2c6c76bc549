"""Tests of srfeat_jax.training.metrics."""

import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.training import metrics


class WindowTest(parameterized.TestCase):
  def test_means_since_the_last_time(self):
    window = metrics.Window()
    for step, value in ((1, 2.0), (2, 4.0), (3, 9.0)):
      window.append(step, {"a": jnp.float32(value), "b": jnp.float32(-value)})
      window.check()
    self.assertEqual(window.flush(), {"a": 5.0, "b": -5.0})
    window.append(4, {"a": jnp.float32(7)})
    self.assertEqual(window.flush(), {"a": 7.0})

  @parameterized.parameters(float("nan"), float("inf"), float("-inf"))
  def test_names_the_term_and_the_first_step(self, bad):
    window = metrics.Window()
    for step in range(5, 12):
      loss = jnp.float32(1 if step < 8 else bad)
      window.append(step, {"loss/pixel": loss, "rate": jnp.float32(0)})
      if step == 6:
        window.check()
    sentence = "^loss/pixel is not finite at step 8:"
    with self.assertRaisesRegex(errors.InputError, sentence):
      window.check()

  def test_names_all_terms_and_flush_checks(self):
    window = metrics.Window()
    bad = {"a": jnp.float32("nan"), "b": jnp.float32(1), "c": jnp.inf}
    window.append(3, bad)
    with self.assertRaisesRegex(errors.InputError, "^a, c is not finite"):
      window.flush()


if __name__ == "__main__":
  absltest.main()
