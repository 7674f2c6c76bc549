"""Values that no run can have are refused, by name, before anything is done."""

import math
from unittest import mock

import ml_collections
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import config_checks, losses

NAN = math.nan


class ConfigChecksTest(parameterized.TestCase):
  @parameterized.parameters(
    *(("num_steps", 0), ("log_every", 0), ("eval_every", -1)),
    *(("checkpoint_every", 0), ("keep_checkpoints", 0)),
    *(("batch_size", 0), ("crop_size", -4), ("discriminator_steps", 0)),
    *(("learning_rate.cycles", 0), ("learning_rate.cycles", 1001)),
    *(("seed", -1), ("seed", 2**32)),
    *(("ema_decay", 1.0), ("ema_decay", -0.1), ("ema_decay", NAN)),
    *(
      ("data.num_workers", -2),
      ("data.crops_per_image", 0),
      ("data.cache_gib", -0.5),
    ),
    *(("losses.pixel_weight", -1.0), ("losses.perceptual_weight", -1.0)),
    *(
      ("losses.adversarial_weight", NAN),
      ("losses.discriminator_weight", -1.0),
    ),
    ("losses.perceptual_layers.relu5_4", -1.0),
    ("validation.snapshots", (0.5, 1.5)),
    *(("losses.r1_weight", -1.0), ("losses.penalty_every", 0)),
    *(("optimizer.b1", 2.0), ("optimizer.b1", -0.1), ("optimizer.b2", 1.0)),
    *(("optimizer.eps", 0.0), ("discriminator_optimizer.b1", 2.0)),
    *(("learning_rate.until", 0.0), ("learning_rate.until", 1.5)),
    *(("learning_rate.warmup", -0.1), ("learning_rate.warmup", 1.0)),
    ("discriminator_learning_rate.boundaries", (0.5, 1.5)),
    ("discriminator_learning_rate.boundaries", (-0.1,)),
  )
  def test_out_of_range(self, field, value):
    config = pretrain.get_config("srfeat_lite")
    config.losses.perceptual_layers = ml_collections.ConfigDict(
      {"relu5_4": 1.0}
    )
    config_checks.check(config)
    config.update_from_flattened_dict({field: value})
    with self.assertRaises(errors.InputError) as caught:
      config_checks.check(config)
    self.assertStartsWith(
      str(caught.exception), f"config.{field} is {value}: expected "
    )

  @parameterized.parameters(
    ("losses.pixel", "l2", '"l1", "mse", "charbonnier"'),
    ("losses.perceptual", "L1", '"mse", "l1"'),
    ("losses.adversarial", "wgan", '"vanilla", .*"least_squares"'),
    ("dtype", "float16", '"float32"'),
  )
  def test_a_name_that_is_none(self, field, value, expected):
    config = pretrain.get_config("srfeat_lite")
    config.update_from_flattened_dict({field: value})
    with self.assertRaisesRegex(
      errors.InputError, f'^config.{field} is "{value}": expected .*{expected}'
    ):
      config_checks.check(config)

  @parameterized.parameters(
    ("seed", 2**32 - 1),
    ("data.cache_gib", 0.0),
    ("losses.adversarial_weight", 0.0),
    ("optimizer.b1", 0.0),
    ("learning_rate.until", 1.0),
    ("discriminator_learning_rate.boundaries", (0.0, 1.0)),
  )
  def test_ends_of_the_ranges(self, field, value):
    config = pretrain.get_config("srfeat_lite")
    config.update_from_flattened_dict({field: value})
    config_checks.check(config)

  def test_more_updates_of_discriminators_than_jax_counts(self):
    config = gan.get_config("srgan_mirflickr_b1")  # 100,000,000 steps
    config.init_from = "runs/x"
    config.discriminator_steps = 21
    config_checks.check(config)
    config.discriminator_steps = 22
    with self.assertRaisesRegex(errors.InputError, "is 22: .*fewer than 2"):
      config_checks.check(config)

  def test_something_must_be_learned_from(self):
    config = gan.get_config("srgan_lite")
    config.init_from = "runs/x"
    config.losses.perceptual_weight = 0.0
    config_checks.check(config)
    config.losses.adversarial_weight = 0.0
    with self.assertRaisesRegex(errors.InputError, "nothing to learn from"):
      config_checks.check(config)
    config = pretrain.get_config("srfeat_lite")
    config.losses.pixel_weight = 0.0
    config.losses.adversarial_weight = 1.0  # of no discriminator
    with self.assertRaisesRegex(errors.InputError, "nothing to learn from"):
      config_checks.check(config)

  def test_a_loss_that_may_not_stand_alone(self):
    config = pretrain.get_config("srfeat_lite")
    config.losses.checkerboard_weight = 1.0
    config_checks.check(config)
    config.losses.pixel_weight = 0.0
    with self.assertRaisesRegex(
      errors.InputError,
      "nothing to learn from: set one of these above 0: config.losses.pixel_we"
      r"ight, config.losses.perceptual_weight,.*adversarial_weight \(with a d",
    ):
      config_checks.check(config)

  @parameterized.parameters(
    (
      "ldl",
      r"ldl_weight is 1.0, .*config.ema_decay=0 keeps none: set it",
    ),
    (
      "feature_matching",
      "feature_matching_weight is 1.0, .*discriminators does not have: give it",
    ),
  )
  def test_a_loss_that_needs_more(self, name, sentence):
    config = gan.get_config("srfeat")
    config.init_from = "runs/x"
    config.losses[f"{name}_weight"] = 1.0
    config.ema_decay = 0.9
    config_checks.check(config)
    config.ema_decay = 0.0
    config.optimizer.kind = "schedule_free_adam"  # has an average of its own
    config_checks.check(config)
    config.optimizer.kind = "adam"
    del config.discriminators.feature
    with self.assertRaisesRegex(errors.InputError, sentence):
      config_checks.check(config)

  def test_weights_without_a_loss_and_losses_without_a_weight(self):
    config = pretrain.get_config("srfeat_lite")
    config.losses.pixels_weight = 1.0
    with self.assertRaisesRegex(
      errors.InputError, "losses.pixels_weight is the weight of a loss that do"
    ):
      config_checks.check(config)
    del config.losses.pixels_weight
    new = losses.Loss("tv", lambda compared, config: compared.sr.mean())
    with (
      mock.patch.object(losses, "GENERATOR", (*losses.GENERATOR, new)),
      self.assertRaisesRegex(
        errors.InputError, "config.losses has no tv_weight"
      ),
    ):
      config_checks.check(config)

  @parameterized.parameters({}, {"relu5_4": 0.0})
  def test_a_perceptual_loss_needs_layers(self, **layers):
    config = gan.get_config("srgan_lite")
    config.init_from = "runs/x"
    config_checks.check(config)
    config.losses.perceptual_layers = ml_collections.ConfigDict(layers)
    with self.assertRaisesRegex(
      errors.InputError, "perceptual_weight is 1.0, and no layer of config.los"
    ):
      config_checks.check(config)

  def test_adversarial_training_needs_a_start(self):
    config = gan.get_config("srgan_lite")
    with self.assertRaisesRegex(errors.InputError, "init_from is empty"):
      config_checks.check(config)
    for field, value in (("init_from", "runs/x"), ("allow_scratch", True)):
      config = gan.get_config("srgan_lite")
      config[field] = value
      config_checks.check(config)


if __name__ == "__main__":
  absltest.main()
