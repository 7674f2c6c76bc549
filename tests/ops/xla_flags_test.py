"""The kernels that XLA compiles for CPUs."""

import os
from unittest import mock

from absl.testing import absltest, parameterized

from srfeat_jax.ops import xla_flags
from tests.support import programs


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
    result = programs.run(
      "import jax, jax.numpy as jnp\n"
      "from srfeat_jax.models import convolution\n"
      "from srfeat_jax.ops import xla_flags\n"
      "xla_flags.choose()\n"
      "x, kernel = jnp.ones((2, 16, 16, 32)), jnp.ones((3, 3, 32, 32))\n"
      "program = jax.jit(convolution.convolve).lower(x, kernel).compile()\n"
      "print(program.as_text())",
      env={"XLA_FLAGS": ""},
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("convolution", result.stdout)
    self.assertNotIn("ynn", result.stdout)


if __name__ == "__main__":
  absltest.main()
