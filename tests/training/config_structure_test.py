"""Fields that are missing or of another type, in a config of one's own."""

import ml_collections
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.training import config_structure


class ConfigStructureTest(parameterized.TestCase):
  @parameterized.parameters(
    ("seed", 1.5, "config.seed is 1.5: expected a whole number"),
    ("seed", True, "config.seed is True: expected a whole number"),
    ("data.augment", 1, "config.data.augment is 1: expected True or False"),
    ("data.train", 3, "config.data.train is 3: expected a text"),
    ("data.sets", "Set5", "data.sets is 'Set5': expected a tuple of names"),
    ("data.sets", (1,), "expected a tuple of names"),
    ("data.cache_gib", "2", "data.cache_gib is '2': expected a number"),
    ("learning_rate.boundaries", ("x",), "expected a tuple of finite numbers"),
    ("degradation.first.kernels", (1.0,), "expected 6 numbers, as in"),
    ("discriminators", ml_collections.ConfigDict({"image": 3}), "a group of"),
    ("data", 3, "config.data is 3: expected a group of fields"),
  )
  def test_of_another_type(self, field, value, message):
    config = pretrain.get_config("srfeat_lite")
    config_structure.check(config)
    *groups, name = field.split(".")
    owner = config
    for group in groups:
      owner = owner[group]
    with config.ignore_type():
      owner[name] = value
    with self.assertRaises(errors.InputError) as caught:
      config_structure.check(config)
    self.assertIn(message, str(caught.exception))

  @parameterized.parameters("seed", "losses.pixel", "data")
  def test_missing(self, field):
    config = gan.get_config("srfeat_lite")
    config_structure.check(config)
    group, _, name = field.rpartition(".")
    del (config[group] if group else config)[name]
    with self.assertRaisesRegex(
      errors.InputError, f"no field config.{field}: begin with"
    ):
      config_structure.check(config)

  def test_whole_numbers_and_more_fields_are_right(self):
    config = pretrain.get_config("srfeat_lite")
    with config.ignore_type():
      config.learning_rate.peak = 1
      config.mine = "x"
    config_structure.check(config)


if __name__ == "__main__":
  absltest.main()
