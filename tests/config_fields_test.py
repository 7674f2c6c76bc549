"""Fields of configs, set from text."""

from absl.testing import absltest, parameterized

from srfeat_jax import config_fields, errors
from srfeat_jax.configs import gan, pretrain


class ConfigFieldsTest(parameterized.TestCase):
  @parameterized.parameters(
    ("num_steps", "1e4", 10_000),
    ("num_steps", "1_000", 1000),
    ("num_steps", "2.0", 2),
    ("learning_rate.peak", "1e-3", 1e-3),
    ("learning_rate.peak", "1", 1.0),
    ("data.augment", "false", False),
    ("data.augment", "1", True),
    ("data.train", "1", "1"),
    ("data.train", "a,b=2", "a,b=2"),
    ("data.sets", "Set5,Set14", ("Set5", "Set14")),
    ("data.sets", "Set5", ("Set5",)),
    ("data.sets", "('Set5', 'Set14')", ("Set5", "Set14")),
    ("data.sets", "(Set5, 100)", ("Set5", "100")),
    ("data.sets", "100,200", ("100", "200")),
    ("data.sets", "", ()),
    ("data.sets", "()", ()),
    ("learning_rate.boundaries", "0.5,0.75", (0.5, 0.75)),
    ("learning_rate.boundaries", "1", (1.0,)),
    ("learning_rate.boundaries", "[.5]", (0.5,)),
    ("degradation.first.sigma", "1,2", (1.0, 2.0)),
    ("degradation.first.sigma[1]", "2", (0.2, 2.0)),
    ("degradation.first.kernel_size", "7,9.0", (7, 9)),
    ("optimizer", "{'b1': 0.5}", 0.5),
    ("losses.perceptual_layers", "{'relu2_2': 0.5}", {"relu2_2": 0.5}),
    ("losses.perceptual_layers", "{}", {}),
  )
  def test_value(self, field, text, expected):
    config = pretrain.get_config("srfeat_lite")
    config_fields.assign(config, field, [text])
    group = field.partition("[")[0]
    value = config_fields.value_of(config, group)
    if field == "optimizer":
      self.assertEqual(value.b2, 0.999)  # the others stay
      value = value.b1
    if hasattr(value, "to_dict"):
      value = value.to_dict()
    self.assertEqual(value, expected)
    self.assertIs(type(value), type(expected))

  def test_the_last_one_counts_and_tuples_are_joined(self):
    config = pretrain.get_config("srfeat_lite")
    config_fields.assign(config, "seed", ["1", "2"])
    config_fields.assign(config, "data.sets", ["a", "b,c"])
    self.assertEqual((config.seed, config.data.sets), (2, ("a", "b", "c")))

  @parameterized.parameters(
    ("num_steps", "many", "--config.num_steps=many: expected a whole number"),
    ("num_steps", "1.5", "expected a whole number"),
    ("num_steps", "1e400", "expected a whole number"),
    ("num_steps", "nan", "expected a whole number"),
    ("learning_rate.peak", "nan", "expected a finite number"),
    ("learning_rate.peak", "0,1", "expected a finite number"),
    ("data.augment", "maybe", "expected True or False"),
    ("learning_rate.boundaries", "0.5,x", "separated by commas, each a finite"),
    ("optimizer", "3", r"expected a dict such as \{'name': 1.0\}"),
    ("optimizer", "{'b3': 1}", "no field b3: it has b1, b2, clip_norm, eps"),
    ("losses.perceptual_layers", "{1: 2}", "names of fields as keys"),
    ("losses.perceptual_layers", "{'a': None}", "a number, a text"),
    ("data.train" + "x" * 300, "", "has no field trainx"),
    ("num_steps", "x" * 9000, "x{200}...: expected a whole number"),
  )
  def test_refused(self, field, text, message):
    config = pretrain.get_config("srfeat_lite")
    before = config.to_dict()
    with self.assertRaisesRegex(errors.InputError, message) as caught:
      config_fields.assign(config, field, [text])
    self.assertLess(len(str(caught.exception)), 800)
    self.assertEqual(config.to_dict(), before)

  @parameterized.parameters(
    ("lr", "Did you mean config.learning_rate.peak?"),
    ("learning_rate.lr", "Did you mean config.learning_rate.peak?"),
    ("batch-size", 'underscores. Did you mean "batch_size" instead of "batch-'),
    ("features", "Did you mean config.generator.features?"),
    ("peek", "Did you mean config.learning_rate.peak?"),
    ("zzz", "it has accumulation_steps, allow_scratch"),
    ("losses.perceptual_layers.relu1_1", "has no field relu1_1: it has none"),
    ("num_steps.x", "config.num_steps is 10000, which has no fields"),
    ("degradation.first.sigma[2]", "which has no element 2"),
    ("degradation.first.sigma.x", "which has no element x"),
    ("", "--config. is no field"),
    ("a..b", "--config.a..b is no field"),
    ("data[", r"is no field"),
    ("losses.pattern_weight", "is now called config.losses.checkerboard_w"),
  )
  def test_no_such_field(self, field, message):
    config = pretrain.get_config("srfeat_lite")
    with self.assertRaises(errors.InputError) as caught:
      config_fields.assign(config, field, ["1"])
    self.assertIn(message, str(caught.exception))

  def test_a_discriminator_is_replaced(self):
    config = gan.get_config("srfeat_lite")
    config_fields.assign(
      config,
      "discriminators",
      ["{'image': {'architecture': 'unet', 'features': 4}}"],
    )
    self.assertEqual(
      config.discriminators.to_dict(),
      {"image": {"architecture": "unet", "features": 4}},
    )


if __name__ == "__main__":
  absltest.main()
