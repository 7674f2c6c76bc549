"""Old names of a config's fields: refused when set, read from old runs."""

import copy

from absl.testing import absltest, parameterized

from configs import shipped
from srfeat_jax import errors
from srfeat_jax.training import config_checks, renamed_fields

_SENTENCE = (
  "config.losses.pattern_weight is now called config.losses.checkerboard_weight"
)


class RenamedFieldsTest(parameterized.TestCase):
  def test_sentence(self):
    self.assertEqual(
      renamed_fields.sentence("losses.pattern_weight"), _SENTENCE
    )

  @parameterized.parameters("losses.pixel_weight", "pattern_weight", "", "seed")
  def test_other_fields_have_none(self, field):
    self.assertEqual(renamed_fields.sentence(field), "")

  def test_a_config_with_an_old_name_is_refused(self):
    config = shipped.get_config("srfeat_lite")
    config_checks.check(config)
    config.losses.pattern_weight = 300.0
    with self.assertRaisesRegex(errors.InputError, f"^{_SENTENCE}$"):
      config_checks.check(config)

  def test_an_earlier_run_is_read_by_the_new_names(self):
    new = shipped.get_config("srfeat_lite_gan").to_dict()
    self.assertEqual(renamed_fields.sentences(new), [])
    self.assertEqual(renamed_fields.updated(new), new)
    old = copy.deepcopy(new)
    old["losses"]["pattern_weight"] = old["losses"].pop("checkerboard_weight")
    before = copy.deepcopy(old)
    self.assertEqual(renamed_fields.sentences(old), [_SENTENCE])
    self.assertEqual(renamed_fields.updated(old), new)
    self.assertEqual(old, before)

  @parameterized.parameters({}, {"losses": 3}, {"losses": None})
  def test_a_config_without_losses(self, **config):
    self.assertEqual(renamed_fields.updated(config), config)


if __name__ == "__main__":
  absltest.main()
