"""The teacher that a config names."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import pretrain
from srfeat_jax.training import networks
from srfeat_jax.weights import lookup, teachers


class TeachersTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.config = pretrain.get_config("srfeat_lite")
    self.networks = networks.assemble(self.config, {})

  def test_none(self):
    added = teachers.add(self.config, self.networks)
    self.assertEqual(added, (self.networks, None))

  def test_by_name(self):
    self.config.teacher = "srfeat-lite"
    added, variables = teachers.add(self.config, self.networks)
    self.assertIsNotNone(added.teacher)
    expected = lookup.load("srfeat-lite").variables["params"]["tail"]["bias"]
    np.testing.assert_array_equal(variables["params"]["tail"]["bias"], expected)

  @parameterized.parameters(
    ("nowhere", "config.teacher is nowhere, which does not exist: name"),
    (".", "config.teacher: .* is not the workdir of a run"),
  )
  def test_what_is_not_there(self, path, sentence):
    self.config.teacher = path
    with self.assertRaisesRegex(errors.InputError, sentence):
      teachers.add(self.config, self.networks)


if __name__ == "__main__":
  absltest.main()
