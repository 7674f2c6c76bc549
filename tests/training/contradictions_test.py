"""Fields that contradict each other are refused, or told of, by name."""

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import config_checks


def _config(with_discriminators: bool):
  """A config without contradictions, of a generator without BatchNorm."""
  if not with_discriminators:
    return pretrain.get_config("srfeat_lite")
  config = gan.get_config("srfeat_lite")
  config.init_from = "runs/x"
  return config


# Whether the run has discriminators; what is changed; what the sentence says.
REFUSED = (
  (
    False,
    {"losses.r1_weight": 1.0},
    "r1_weight is 1.0, and .*losses.r1_weight=0.0",
  ),
  (
    False,
    {"losses.gradient_penalty_weight": 10.0},
    "gradient_penalty_weight is 10.0, and config.discriminators has none: give",
  ),
  (
    False,
    {"discriminator_steps": 2},
    "discriminator_steps is 2, and .*: give .*config.discriminator_steps=1",
  ),
  (
    False,
    {"init_discriminators_from": "runs/y"},
    'from is runs/y, and .*config.init_discriminators_from=""',
  ),
  (
    True,
    {"losses.discriminator_weight": 0.0},
    "discriminator_weight is 0, so that .*at random: set it above 0",
  ),
  (
    False,
    {"generator.icnr": True, "generator.upsampler": "nearest"},
    "icnr is True, and config.generator.upsampler is nearest.*icnr=False",
  ),
  (
    True,
    {"generator.icnr": True, "generator.scale": 1},
    "icnr is True, and config.generator.scale is 1, .*: set config.generator.i",
  ),
  (
    True,
    {"validation.lpips_weights": "lpips.npz"},
    "lpips_weights is lpips.npz, and config.data.benchmarks is empty.*: name",
  ),
  (
    False,
    {"validation.metrics": ("mine.py:f",)},
    r"metrics is \('mine.py:f',\), and config.data.benchmarks is empty",
  ),
  (
    False,
    {"validation.best_metric": "ssim_y"},
    "best_metric is ssim_y, and config.data.benchmarks is empty",
  ),
  (
    False,
    {"num_steps": 99, "profile_steps": (100, 110)},
    r"profile_steps is \(100, 110\), and the run has only config.num_steps=99",
  ),
  (
    True,
    {"teacher": "runs/t", "losses.perceptual_weight": 0.0},
    "teacher is runs/t, and no loss compares with its output.*: set a weight",
  ),
)
TOLD = (
  (
    True,
    {"losses.adversarial_weight": 0.0},
    "adversarial_weight is 0: discriminators learn, and the generator does not",
  ),
  (
    False,
    {"losses.adversarial_weight": 0.5},
    "adversarial_weight is 0.5, without effect, because config.discriminators",
  ),
  (
    True,
    {"losses.relativistic_detach": False},
    "relativistic_detach is False, without effect on .*adversarial=vanilla",
  ),
  (
    False,
    {"freeze_batch_norm": True, "generator.batch_norm": False},
    "freeze_batch_norm is True, without effect, .*batch_norm is False",
  ),
  (
    True,
    {"generator.blur_after_shuffle": True, "generator.upsampler": "nearest"},
    "blur_after_shuffle is True, without effect: .*upsampler=nearest",
  ),
  (
    True,
    {"generator.blur_after_shuffle": True, "generator.upsampler": "direct"},
    "blur_after_shuffle is True, without effect: .*upsampler=direct",
  ),
  (
    False,
    {"generator.blur_after_shuffle": True, "generator.scale": 1},
    "blur_after_shuffle is True, without effect: .*scale=1",
  ),
  (
    False,
    {"losses.phase_weight": 15.0, "generator.scale": 1},
    "phase_weight is 15.0, without effect at config.generator.scale=1",
  ),
  (
    False,
    {"vgg_weights": "vgg19.h5"},
    "vgg_weights is vgg19.h5, without effect, because no loss and no discr",
  ),
  (
    False,
    {"teacher": "runs/t", "teacher_share": 0.0},
    "teacher_share is 0, so that the teacher",
  ),
  (
    False,
    {"learning_rate.boundaries": (0.5,)},
    r"learning_rate.boundaries is \(0.5,\), without effect on .*=cosine",
  ),
  (
    False,
    {"learning_rate.schedule": "piecewise", "learning_rate.cycles": 4},
    "learning_rate.cycles is 4, without effect on .*schedule=piecewise",
  ),
  (
    True,
    {"discriminator_learning_rate.schedule": "cosine"},
    r"discriminator_learning_rate.boundaries is \(.*without effect",
  ),
  (
    False,
    {"optimizer.kind": "schedule_free_adam", "ema_decay": 0.0},
    "optimizer.kind is schedule_free_adam, .*config.learning_rate falls: set",
  ),
  (
    True,
    {"discriminator_optimizer.kind": "schedule_free_adam"},
    "discriminator_optimizer.kind is .*discriminator_learning_rate falls: set",
  ),
)


class ContradictionsTest(parameterized.TestCase):
  @parameterized.parameters(*REFUSED)
  def test_refused(self, with_discriminators, changes, sentence):
    config = _config(with_discriminators)
    config.update_from_flattened_dict(changes)
    with self.assertRaisesRegex(errors.InputError, f"^config..*{sentence}"):
      config_checks.check(config)

  @parameterized.parameters(*TOLD)
  def test_told(self, with_discriminators, changes, sentence):
    config = _config(with_discriminators)
    config.update_from_flattened_dict(changes)
    with self.assertLogs(level="WARNING") as logged:
      config_checks.check(config)
    (record,) = logged.records
    self.assertRegex(record.getMessage(), f"^config..*{sentence}")

  @parameterized.parameters(
    (False, {"generator.icnr": True, "generator.upsampler": "direct"}),
    (False, {"validation.best_metric": "ssim_y", "data.benchmarks": "x"}),
    (False, {"profile_steps": (10_000, 10_010)}),
    (False, {"teacher": "runs/t"}),
    (
      True,
      {
        "losses.discriminator_weight": 0.0,
        "init_discriminators_from": "runs/y",
      },
    ),
    (True, {"discriminator_steps": 2, "losses.r1_weight": 1.0}),
    (True, {"vgg_weights": "x", "losses.perceptual_weight": 0.0}),
    (
      True,
      {
        "losses.adversarial_weight": 0.0,
        "losses.feature_matching_weight": 1.0,
      },
    ),
    (
      True,
      {
        "losses.adversarial": "relativistic",
        "losses.relativistic_detach": False,
      },
    ),
    (True, {"teacher": "runs/t", "losses.adversarial_weight": 1.0}),
  )
  def test_what_fits(self, with_discriminators, changes):
    config = _config(with_discriminators)
    config.update_from_flattened_dict(changes)
    with self.assertNoLogs(level="WARNING"):
      config_checks.check(config)


if __name__ == "__main__":
  absltest.main()
