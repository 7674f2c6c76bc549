"""The configs as they are shipped, and mistakes when they are asked for."""

import math

import jax
import jax.numpy as jnp
import ml_collections
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.configs import (
  common,
  feature_discriminator,
  finetune,
  gan,
  pretrain,
  quickstart,
  shipped,
)
from srfeat_jax.training import (
  config_checks,
  degradation,
  image_losses,
  networks,
  optimizers,
  steps,
)
from srfeat_jax.weights import lookup
from tests.support import paths

# Of each file with variants, the prefix of their names here.
FILES = {
  "": pretrain,
  "gan_": gan,
  "shipped_": shipped,
  "finetune_": finetune,
  "feature_discriminator_": feature_discriminator,
}
CONFIGS = {
  prefix + variant: file.get_config(variant)
  for prefix, file in FILES.items()
  for variant in file.VARIANTS
}
CONFIGS["quickstart"] = quickstart.get_config()
# Overridden by name all over the documents.
FIELDS = (
  "num_steps",
  "batch_size",
  "crop_size",
  "data.train",
  "data.benchmarks",
  "log_every",
  "eval_every",
  "checkpoint_every",
  "generator.features",
  "generator.num_blocks",
  "seed",
  "init_from",
)


class ConfigsTest(parameterized.TestCase):
  def test_every_file_is_tested(self):
    folder = paths.REPOSITORY / "srfeat_jax" / "configs"
    files = {path.stem for path in folder.glob("[a-z]*.py")}
    self.assertEqual(
      files,
      {
        "common",
        "degradations",
        "feature_discriminator",
        "finetune",
        "gan",
        "images_seen",
        "pretrain",
        "quickstart",
        "shipped",
      },
    )

  def test_every_variant_is_described(self):
    for file in FILES.values():
      first_words = {line.split(" ")[0] for line in file.__doc__.splitlines()}
      self.assertNotEmpty(file.VARIANTS)
      self.assertContainsSubset(file.VARIANTS, first_words)

  @parameterized.parameters(*CONFIGS)
  def test_fields(self, name):
    config = ml_collections.ConfigDict(CONFIGS[name])
    config.lock()
    for field in FIELDS:
      *folders, last = field.split(".")
      owner = config
      for folder in folders:
        owner = owner[folder]
      with self.subTest(field):
        self.assertIn(last, owner)
    with self.assertRaisesRegex(AttributeError, "Did you mean"):
      config.num_stepz = 1

  @parameterized.parameters(*CONFIGS)
  def test_same_fields_as_all_others(self, name):
    expected = common.get_config()
    for part in (None, "data", "degradation", "losses", "optimizer"):
      ours = CONFIGS[name][part] if part else CONFIGS[name]
      theirs = expected[part] if part else expected
      self.assertEqual(set(ours), set(theirs))

  @parameterized.parameters(*CONFIGS)
  def test_parts_can_be_made(self, name):
    config = CONFIGS[name]
    generator = models.build(config.generator)
    degradation.check_crop_size(config.crop_size, generator.scale)
    schedule = optimizers.learning_rate(config.learning_rate, config.num_steps)
    optimizer = optimizers.adam(config.optimizer, schedule)
    steps.make_step(
      config,
      networks.Networks(generator, None, {}, {}),
      optimizers.Optimizers(optimizer, schedule, optimizer, schedule),
    )
    x = jnp.zeros((1, 2, 2, 3))
    self.assertEqual(image_losses.pixel(x, x, config.losses.pixel), 0)
    self.assertGreater(config.checkpoint_every, 0)

  @parameterized.parameters(
    ("srfeat", 6_187_907),
    ("srfeat_nobn", 6_185_731),
    ("srresnet", 1_547_350),
    ("srfeat_official", 6_187_907),
    ("msrresnet", 1_517_571),
    ("esrgan", 16_697_987),
  )
  def test_parameters(self, name, expected):
    shapes = models.shapes(models.build(CONFIGS[name].generator))
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(shapes["params"]))
    self.assertEqual(count, expected)

  def test_documented_run(self):
    for name in ("srfeat", "srfeat_nobn"):
      config = CONFIGS[name]
      self.assertEqual(config.num_steps, 20 * 12_958)
      self.assertEqual(config.batch_size, 9)
      self.assertEqual(config.crop_size, 296)
      self.assertEqual(config.data.crop, "center")
      self.assertFalse(config.data.augment)
      self.assertEqual(config.losses.pixel, "mse")
      self.assertEqual(config.generator.batch_norm, name == "srfeat")

  def test_pods_see_as_many_images(self):
    for name in ("srfeat", "gan_srfeat"):
      config, pod = CONFIGS[name], CONFIGS[f"{name}_pod"]
      self.assertEqual(pod.batch_size, 64)
      for field in ("num_steps", "eval_every", "checkpoint_every", "log_every"):
        images = config[field] * config.batch_size
        self.assertLessEqual(abs(pod[field] * 64 - images), 32, field)
      self.assertEqual(pod.learning_rate, config.learning_rate)
      self.assertEqual(pod.losses, config.losses)
      self.assertEqual(pod.discriminators, config.discriminators)

  def test_mirflickr_epochs(self):
    for name, batch_size, epochs in (
      ("gan_srgan_mirflickr", 8, 750), ("gan_srgan_mirflickr_b1", 1, 4_000)
    ):  # fmt: skip
      config = CONFIGS[name]
      self.assertEqual(config.batch_size, batch_size)
      self.assertEqual(config.num_steps * batch_size, epochs * 25_000)
      self.assertEqual(config.learning_rate.peak, 1e-4)
      self.assertEqual(config.learning_rate.boundaries, ())

  def test_only_the_authors_configs_have_tensorlayer_s_dense_layers(self):
    for name, config in CONFIGS.items():
      for each in config.discriminators.values():
        if each.architecture == "srgan":
          tensorlayer = each.dense_initializer == "truncated_tenth"
          self.assertEqual(tensorlayer, name == "gan_srfeat_official", name)

  def test_unset_fields_are_the_module_s(self):
    # A config shows every choice that its module leaves open.
    for name in pretrain.VARIANTS:
      generator = models.build(CONFIGS[name].generator)
      fields = set(generator.__dataclass_fields__) - {"parent", "name"}
      self.assertEqual(set(CONFIGS[name].generator), fields | {"architecture"})

  @parameterized.parameters([(name,) for name in finetune.VARIANTS])
  def test_fine_tuning_starts_from_weights_that_fit(self, variant):
    config = finetune.get_config(variant)
    config_checks.check(config)
    generator = models.build(config.generator)
    variables = lookup.load_for(generator, config.init_from)
    self.assertEqual(
      jax.tree.map(jnp.shape, variables["params"]),
      jax.tree.map(jnp.shape, models.shapes(generator)["params"]),
    )
    # Far below the rate at which the weights were trained at first.
    start = pretrain.get_config(variant).learning_rate.peak
    self.assertLess(config.learning_rate.peak, start / 5)

  def test_unknown_variant(self):
    with self.assertRaisesRegex(errors.InputError, '"nope": .*srfeat_nobn'):
      pretrain.get_config("nope")


if __name__ == "__main__":
  absltest.main()
