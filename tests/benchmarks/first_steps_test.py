"""The table of how dense layers start, of a run of two steps."""

import ml_collections
import numpy as np
from absl.testing import absltest

from benchmarks import first_steps
from srfeat_jax import errors
from srfeat_jax.configs import gan


def _tiny() -> ml_collections.ConfigDict:
  config = gan.get_config("srgan_lite")
  config.allow_scratch = True
  config.num_steps = 2
  config.batch_size = 4
  config.crop_size = 16
  config.ema_decay = 0.0
  config.generator.features = 4
  config.generator.num_blocks = 1
  config.discriminators.image.features = 2
  config.losses.perceptual_weight = 0.0
  config.losses.pixel_weight = 1.0
  return config.lock()


class FirstStepsTest(absltest.TestCase):
  def test_rows(self):
    starts = {}
    for name in first_steps.INITIALIZERS:
      config = first_steps.with_initializer(_tiny(), name)
      first, second = first_steps.rows(config, every=2, num_probes=8)
      self.assertEqual(
        (first["image"]["step"], second["image"]["step"]), (0, 2)
      )
      self.assertEqual(second["image"]["real"].shape, (8,))
      self.assertBetween(second["image"]["D(real)"], 0, 1)
      self.assertGreater(second["image"]["loss"], 0)
      self.assertGreater(second["image"]["gradient"], 0)
      starts[name] = np.asarray(first["image"]["real"])
      # It has learned.
      self.assertNotAlmostEqual(starts[name][0], second["image"]["real"][0])
    self.assertEqual(set(starts), {"he_truncated", "truncated_tenth"})
    self.assertNotAlmostEqual(*(each[0] for each in starts.values()))

  def test_a_discriminator_without_dense_layers(self):
    config = _tiny().unlock()
    config.discriminators.image.logits = "patch"
    with self.assertRaisesRegex(errors.InputError, "none with dense layers"):
      first_steps.with_initializer(config, "he_truncated")


if __name__ == "__main__":
  absltest.main()
