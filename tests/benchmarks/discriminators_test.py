"""The discriminators whose steps are measured."""

from absl.testing import absltest, parameterized

from benchmarks import cases, discriminators
from srfeat_jax.configs import gan
from srfeat_jax.training import networks


class VariantsTest(parameterized.TestCase):
  @parameterized.parameters(*discriminators.VARIANTS)
  def test_can_be_built(self, name):
    base = gan.get_config("srfeat_lite").lock()
    config = discriminators.variant(base, name)
    built = networks.assemble(config, cases.vgg_settings(config))
    wanted = {
      "none": set(),
      **{role: {role} for role in ("image", "feature")},
      "both": {"image", "feature"},
    }[name.split("_")[0]]
    self.assertEqual(set(built.discriminators), wanted)
    self.assertEqual(set(base.discriminators), {"image", "feature"})


if __name__ == "__main__":
  absltest.main()
