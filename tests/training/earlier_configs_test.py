"""Old names of a config's fields: refused when set, read from old runs."""

import copy

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan, shipped
from srfeat_jax.training import config_checks, earlier_configs, workdir

_SENTENCE = (
  "config.losses.pattern_weight is now called config.losses.checkerboard_weight"
)


class EarlierConfigsTest(parameterized.TestCase):
  def test_sentence(self):
    self.assertEqual(
      earlier_configs.sentence("losses.pattern_weight"), _SENTENCE
    )

  @parameterized.parameters("losses.pixel_weight", "pattern_weight", "", "seed")
  def test_other_fields_have_none(self, field):
    self.assertEqual(earlier_configs.sentence(field), "")

  def test_a_config_with_an_old_name_is_refused(self):
    config = shipped.get_config("srfeat_lite")
    config_checks.check(config)
    config.losses.pattern_weight = 300.0
    with self.assertRaisesRegex(errors.InputError, f"^{_SENTENCE}$"):
      config_checks.check(config)

  def test_an_earlier_run_is_read_by_the_new_names(self):
    new = shipped.get_config("srfeat_lite_gan").to_dict()
    self.assertEqual(earlier_configs.sentences(new), [])
    self.assertEqual(earlier_configs.updated(new), new)
    old = copy.deepcopy(new)
    old["losses"]["pattern_weight"] = old["losses"].pop("checkerboard_weight")
    before = copy.deepcopy(old)
    self.assertEqual(earlier_configs.sentences(old), [_SENTENCE])
    self.assertEqual(earlier_configs.updated(old), new)
    self.assertEqual(old, before)

  @parameterized.parameters(
    ({}, True),
    ({"degradation.kind": "photo"}, False),
    ({"generator.blur_after_shuffle": True}, False),
    ({"generator.upsampler": "nearest"}, False),
    ({"losses.ldl_weight": 1.0}, False),
    ({"losses.r1_weight": 1.0}, False),
  )
  def test_fields_that_came_later(self, changes, resumes):
    old = shipped.get_config("srfeat_lite").to_dict()
    del old["degradation"]
    for field in ("blur_after_shuffle", "upsampler", "icnr"):
      del old["generator"][field]
    for field in ("ms_ssim", "fft", "ldl", "feature_matching", "r1"):
      del old["losses"][f"{field}_weight"]
    del old["losses"]["gradient_penalty_weight"], old["losses"]["penalty_every"]
    new = shipped.get_config("srfeat_lite")
    new.update_from_flattened_dict(changes)
    differing, allowed = workdir.differences(old, new.to_dict())
    self.assertEqual((not differing, allowed), (resumes, []))
    for field in changes:
      self.assertTrue(any(field in line for line in differing), differing)

  @parameterized.parameters("srfeat", "esrgan", "srgan_mse")
  def test_a_gan_of_version_0_1(self, variant):
    new = gan.get_config(variant)
    old = new.to_dict()
    del old["discriminator_steps"], old["losses"]["relativistic_detach"]
    old["generator"].pop("after_trunk", None)
    for name in ("learning_rate", "discriminator_learning_rate"):
      del old[name]["cycles"]
    for discriminator in old["discriminators"].values():
      discriminator.pop("dense_initializer", None)
    self.assertEqual(workdir.differences(old, new.to_dict()), ([], []))
    for field, value in (
      ("discriminator_steps", 2),
      ("losses.relativistic_detach", False),
      ("learning_rate.cycles", 4),
    ):
      other = gan.get_config(variant)
      other.update_from_flattened_dict({field: value})
      (difference,), _ = workdir.differences(old, other.to_dict())
      self.assertIn(field, difference)

  @parameterized.parameters("srfeat", "esrgan")
  def test_discriminators_whose_size_was_set(self, variant):
    # Earlier versions' configs had the size of their crops, and features.
    new = gan.get_config(variant).to_dict()
    old = copy.deepcopy(new)
    for name, size in (("image", old["crop_size"]), ("feature", 19)):
      if name in old["discriminators"]:
        old["discriminators"][name]["input_size"] = size
    self.assertNotEqual(old, new)
    self.assertEqual(workdir.differences(old, new), ([], []))
    self.assertEqual(workdir.differences(new, old), ([], []))
    older = copy.deepcopy(old)  # whose logits were one per image, unsaid
    for each in older["discriminators"].values():
      each.pop("logits", None)
      each.pop("spectral_norm", None)
    self.assertEqual(workdir.differences(older, new), ([], []))
    other = copy.deepcopy(new)
    other["crop_size"] = 64
    differing, _ = workdir.differences(old, other)
    self.assertLen(differing, 1)
    self.assertIn("crop_size was", differing[0])
    other = copy.deepcopy(old)
    other["discriminators"]["image"]["input_size"] = 64
    self.assertLen(workdir.differences(old, other)[0], 1)

  @parameterized.parameters(
    ({}, True),
    ({"teacher": "srfeat-lite"}, False),
    ({"accumulation_steps": 2}, False),
    ({"optimizer.kind": "adamw"}, False),
    ({"matmul_precision": "float32"}, False),
  )
  def test_a_run_from_before_the_trainer_had_these(self, changes, resumes):
    old = gan.get_config("srfeat_lite").to_dict()
    for name in (
      *("dtype", "matmul_precision", "accumulation_steps", "teacher"),
      *("teacher_share", "init_discriminators_from", "validation"),
      *("keep_every", "profile_steps"),
    ):
      del old[name]
    for owner in ("optimizer", "discriminator_optimizer"):
      del old[owner]["kind"], old[owner]["weight_decay"]
    new = gan.get_config("srfeat_lite")
    new.update_from_flattened_dict(changes)
    differing, allowed = workdir.differences(old, new.to_dict())
    self.assertEqual((not differing, allowed), (resumes, []))
    for field in changes:
      self.assertTrue(any(field in line for line in differing), differing)

  def test_a_run_from_before_there_were_snapshots(self):
    new = gan.get_config("srfeat_lite").to_dict()
    old = copy.deepcopy(new)
    del old["validation"]["snapshots"]
    self.assertEqual(workdir.differences(old, new), ([], []))

  @parameterized.parameters((0.0, True), (0.1, False))
  def test_losses_that_came_later(self, weight, resumes):
    old = shipped.get_config("srfeat_lite").to_dict()
    new = copy.deepcopy(old)
    new["losses"] |= {"tv_weight": weight, "tv": "l1", "tv_epsilon": 1e-3}
    differing, _ = workdir.differences(old, new)
    self.assertEqual(not differing, resumes, differing)
    # Their other fields are compared once they are there.
    other = copy.deepcopy(new)
    other["losses"]["tv_epsilon"] = 1e-2
    self.assertLen(workdir.differences(new, other)[0], 1)

  @parameterized.parameters("srfeat_lite", "srfeat_lite_gan")
  def test_a_run_whose_schedule_had_only_its_own_fields(self, variant):
    old = shipped.get_config(variant).to_dict()
    for name in ("learning_rate", "discriminator_learning_rate"):
      unused = {
        "piecewise": ("final", "until"),
        "cosine": ("boundaries", "factors"),
      }[old[name]["schedule"]]
      for field in unused:
        del old[name][field]
    new = shipped.get_config(variant)
    self.assertEqual(workdir.differences(old, new.to_dict()), ([], []))
    new.learning_rate.schedule = (
      "cosine" if new.learning_rate.schedule == "piecewise" else "piecewise"
    )
    differing, _ = workdir.differences(old, new.to_dict())
    self.assertIn("learning_rate.schedule was", "".join(differing))

  def test_a_field_that_was_there_is_compared(self):
    old = shipped.get_config("srfeat_photo_psnr").to_dict()
    new = shipped.get_config("srfeat_photo_psnr")
    new.degradation.kind = "bicubic"
    differing, _ = workdir.differences(old, new.to_dict())
    self.assertLen(differing, 1)
    self.assertIn("degradation.kind was 'photo'", differing[0])

  @parameterized.parameters({}, {"losses": 3}, {"losses": None})
  def test_a_config_without_losses(self, **config):
    self.assertEqual(earlier_configs.updated(config), config)


if __name__ == "__main__":
  absltest.main()
