"""Another batch size: as many images, and learning rates by a rule."""

import math

from absl.testing import absltest, parameterized

from srfeat_jax import config_flag, errors
from srfeat_jax.configs import gan, images_seen, pretrain


def _by_flags(path: str, *flags: str):
  config, _ = config_flag.split(["main", f"--config={path}", *flags])
  return config


class StepsTest(parameterized.TestCase):
  @parameterized.parameters(
    # 20 * 12958 * 9 images; 12958 * 9; 2000 * 9; 100 * 9.
    ("pretrain.py:srfeat", 64, 36_444, 1_822, 281, 14),
    ("pretrain.py:srfeat", 9, 259_160, 12_958, 2_000, 100),
    ("gan.py:srfeat", 64, 8_125, 406, 156, 8),
    ("gan.py:srfeat", 1, 520_000, 26_000, 10_000, 500),
    ("gan.py:esrgan", 10**6, 6, 1, 1, 1),
  )
  def test_by_hand(self, path, batch_size, *expected):
    flag = f"--config.batch_size={batch_size}"
    config = _by_flags(f"configs/{path}", flag)
    fields = "num_steps", "eval_every", "checkpoint_every", "log_every"
    self.assertEqual(tuple(config[each] for each in fields), expected)
    self.assertEqual(config.batch_size, batch_size)
    self.assertEqual(config.keep_every, 0)

  def test_all_other_fields_stay(self):
    before = gan.get_config("srfeat").to_dict()
    after = _by_flags("configs/gan.py:srfeat", "--config.batch_size=64")
    changed = {name for name in before if before[name] != after.to_dict()[name]}
    steps = {"num_steps", "log_every", "eval_every", "checkpoint_every"}
    self.assertEqual(changed, {"batch_size", *steps})

  @parameterized.parameters(
    (("--config.num_steps=1000", "--config.batch_size=64"), 1000, 1822),
    (("--config.batch_size=64", "--config.eval_every=1e3"), 36_444, 1000),
    (("--config.batch_size=64", "--config.schedule_in=steps"), 259_160, 12_958),
    (("--config.num_steps=1000",), 1000, 12_958),
  )
  def test_what_a_flag_sets_stays(self, flags, num_steps, eval_every):
    config = _by_flags("configs/pretrain.py:srfeat", *flags)
    self.assertEqual((config.num_steps, config.eval_every), (
      num_steps, eval_every,
    ))  # fmt: skip

  def test_checkpoints_that_stay(self):
    config = pretrain.get_config("srfeat")
    config.keep_every = 5
    images_seen.with_batch_size(config, 3)
    self.assertEqual(config.keep_every, 15)

  def test_a_size_that_is_none(self):
    config = _by_flags("configs/gan.py:srfeat", "--config.batch_size=-3")
    self.assertEqual((config.batch_size, config.num_steps), (-3, 104_000))

  def test_sentence(self):
    config = _by_flags("configs/gan.py:srfeat", "--config.batch_size=64")
    self.assertEqual(
      images_seen.sentence(config),
      "8,125 steps of 64 images, 520,000 in all; in steps: log every 8,"
      " validation every 406, checkpoint every 156",
    )


class LearningRateTest(parameterized.TestCase):
  @parameterized.parameters(
    ("none", 1.0), ("linear", 64 / 9), ("sqrt", math.sqrt(64 / 9))
  )
  def test_rules(self, rule, factor):
    config = _by_flags(
      "configs/pretrain.py:srfeat_nobn",
      "--config.batch_size=64",
      f"--config.learning_rate_rule={rule}",
    )
    for rate in (config.learning_rate, config.discriminator_learning_rate):
      self.assertAlmostEqual(rate.peak / 1e-4, factor)
    self.assertAlmostEqual(config.learning_rate.final / 1e-6, factor)
    self.assertEqual(config.learning_rate.until, 15 / 20)

  def test_what_a_flag_sets_stays(self):
    config = _by_flags(
      "configs/gan.py:srfeat",
      "--config.learning_rate_rule=linear",
      "--config.learning_rate.peak=3e-4",
      "--config.batch_size=50",
    )
    self.assertEqual(config.learning_rate.peak, 3e-4)
    self.assertAlmostEqual(config.discriminator_learning_rate.peak, 1e-3)

  def test_a_rule_that_there_is_not(self):
    with self.assertRaisesRegex(
      errors.InputError, 'learning_rate_rule is "cubic": .* linear, sqrt'
    ):
      _by_flags(
        "configs/gan.py:srfeat",
        "--config.learning_rate_rule=cubic",
        "--config.batch_size=50",
      )

  def test_a_rule_without_a_batch_size_would_have_no_effect(self):
    path = "configs/pretrain.py:srfeat_pod"
    with self.assertRaisesRegex(
      errors.InputError, "rule=sqrt has no effect without --config.batch_size"
    ):
      _by_flags(path, "--config.learning_rate_rule=sqrt")
    config = _by_flags(path, "--config.learning_rate_rule=none")
    self.assertEqual(config.learning_rate.peak, 1e-4)


if __name__ == "__main__":
  absltest.main()
