"""The weights that the page of srfeat_jax.demo offers."""

import jax
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.demo import menu
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.weights import shipped
from tests.support import demo_service, programs


class MenuTest(demo_service.ServiceTestCase):
  def test_what_can_be_blended(self):
    other = self.variant(0.5)
    wider = self.folder / "wider.safetensors"
    config = programs.GENERATOR | {"features": 8}
    variables = models.init(models.build(config), jax.random.key(0))
    safetensors_file.save(wider, config, variables)
    weights = menu.Menu([self.small, other, str(wider)])
    self.assertEqual(weights.partners(self.small), [other])
    self.assertEmpty(weights.partners(str(wider)))
    self.assertEmpty(weights.partners("bicubic"))

  def test_names(self):
    names = menu.Menu([self.small]).names
    self.assertEqual(names[0], self.small)
    self.assertEqual(names[-1], "bicubic")
    self.assertIn("srfeat-lite", names)

  def test_each_says_what_it_is_for(self):
    weights = menu.Menu([self.small])
    purposes = {name: weights.purpose(name) for name in weights.names}
    self.assertLen(set(purposes.values()), len(purposes))
    for name in shipped.NAMES:
      self.assertStartsWith(purposes[name], "for ")
      self.assertNotIn("\n", purposes[name])

  @parameterized.parameters(
    ({"weights": "/etc/passwd"},),
    ({"weights": "bicubic", "blend": "/etc/passwd", "alpha": 0.5},),
  )
  def test_nothing_else_is_opened(self, options):
    with self.assertRaisesRegex(errors.InputError, "no weights /etc/passwd"):
      menu.Menu([]).check(options_lib.Options(**options))

  def test_weights_that_are_none(self):
    with self.assertRaisesRegex(errors.InputError, "missing.safetensors"):
      menu.Menu(["missing.safetensors"])

  def test_the_first_alike(self):
    other = self.variant(0.5)
    weights = menu.Menu([self.small, other])
    self.assertEqual(weights.first_alike(other), self.small)
    self.assertEqual(weights.first_alike("srfeat-photo-psnr"), "srfeat-photo")
    self.assertIsNone(weights.first_alike("bicubic"))


if __name__ == "__main__":
  absltest.main()
