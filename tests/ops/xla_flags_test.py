"""The kernels that XLA compiles for CPUs."""

import os
from unittest import mock

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax.models import convolution
from srfeat_jax.ops import xla_flags


class ChooseTest(parameterized.TestCase):
  @parameterized.parameters(
    (None, "--xla_cpu_experimental_ynn_fusion_type="),
    ("--a=b", "--a=b --xla_cpu_experimental_ynn_fusion_type="),
    (
      "--xla_cpu_experimental_ynn_fusion_type=individual_convolution",
      "--xla_cpu_experimental_ynn_fusion_type=individual_convolution",
    ),
  )
  def test_what_is_set(self, flags, expected):
    with mock.patch.dict(os.environ):
      os.environ.pop("XLA_FLAGS", None)
      if flags:
        os.environ["XLA_FLAGS"] = flags
      xla_flags.choose()
      self.assertEqual(os.environ["XLA_FLAGS"], expected)

  def test_xla_knows_it(self):
    """conftest has called it."""

    x, kernel = jnp.ones((2, 16, 16, 32)), jnp.ones((3, 3, 32, 32))
    program = jax.jit(convolution.convolve).lower(x, kernel).compile()
    self.assertIn("convolution", program.as_text())
    self.assertNotIn("ynn", program.as_text())


if __name__ == "__main__":
  absltest.main()
