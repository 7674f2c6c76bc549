"""What cuda_lowering finds in programs, for a GPU that is not there."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from benchmarks import cases, cuda_contents, cuda_target
from srfeat_jax.models import convolution
from srfeat_jax.scaling import step_compilation
from tests.support import programs


def _step(name: str, dtype: str) -> tuple:
  config, _ = cases.train_config(cases.TRAIN[name], dtype, tiny=True)
  config.generator.num_blocks = 1
  return (*step_compilation.step_and_shapes(config), (0,))


class StepTest(parameterized.TestCase):
  @parameterized.parameters("srfeat_gan_b16", "srfeat_lite_pretrain_b16")
  def test_a_step_in_bfloat16_has_no_convolution_in_float32(self, name):
    row = cuda_contents.report(functools.partial(_step, name), "bfloat16")
    self.assertEqual(row["wrong"], [])
    self.assertEqual(list(row["convolutions"]), ["bf16"])
    self.assertGreater(row["flops"], 1e6)

  def test_one_that_has_is_found(self):
    make = functools.partial(_step, "srfeat_lite_pretrain_b16")
    row = cuda_contents.report(lambda dtype: make("float32"), "bfloat16")
    self.assertLen(row["wrong"], row["convolutions"]["f32"])
    self.assertRegex(row["wrong"][0], r"a convolution of .*f32.* \(\(.*conv")


class WrongTest(parameterized.TestCase):
  def wrong(self, function, *arguments, donated=(0,)) -> str:
    row = cuda_contents.report(
      lambda dtype: (function, arguments, donated), "float32"
    )
    return "; ".join(row["wrong"])

  def test_nothing(self):
    x = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 3, 3), jnp.float32)
    step = lambda x, k: (convolution.convolve(x, k), ())  # noqa: E731
    self.assertEqual(self.wrong(step, x, kernel), "")

  @parameterized.parameters(
    (lambda s: (s + 1, jax.debug.callback(print, s)), "cannot be lowered"),
    (lambda s: (s.astype(jnp.bfloat16), 0), "bfloat16.* in place of .*again"),
    (lambda s: (jnp.ones(4), s.sum()), "1 arrays 0 are donated"),
    (lambda s: (jnp.linalg.eigh(s * jnp.eye(3))[0], 0), "a call of cusolver"),
  )
  def test_one_thing(self, function, said):
    state = jax.ShapeDtypeStruct((3,), jnp.float32)
    self.assertRegex(self.wrong(function, state), said)

  @parameterized.parameters((1, 0), (2, 3))
  def test_only_logits_may_be_in_float32(self, channels, num_wrong):
    x = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 3, channels), jnp.float32)

    def loss(x, kernel):
      return convolution.convolve(jnp.sin(x), jnp.sin(kernel)).var()

    step = jax.value_and_grad(loss, argnums=(0, 1))
    row = cuda_contents.report(lambda _: (step, (x, kernel), ()), "bfloat16")
    self.assertEqual(row["convolutions"], {"f32": 3})
    self.assertLen(row["wrong"], num_wrong)

  @parameterized.parameters((3, 0), (4, 1))
  def test_as_many_compiled_in_float32_as_make_logits(self, count, num_wrong):
    x = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 3, 1), jnp.float32)
    more = jax.ShapeDtypeStruct((3, 3, 3, 8), jnp.bfloat16)

    def loss(x, kernel, more):
      y = convolution.convolve(x.astype(jnp.bfloat16), more)
      logits = convolution.convolve(jnp.sin(x), jnp.sin(kernel))
      return logits.var() + y.sum().astype(jnp.float32)

    step = jax.value_and_grad(loss, argnums=(0, 1))
    compiled = {"convolutions": {"Forward f32 b01f_o01i->b01f": count}}
    with mock.patch.object(
      cuda_contents, "_compile", lambda *arguments: compiled
    ):
      row = cuda_contents.report(
        lambda _: (step, (x, kernel, more), ()), "bfloat16", jax.devices()[0]
      )
    self.assertLen(row["wrong"], num_wrong)


class ProgramTest(programs.ProgramTestCase):
  def test_a_mistake(self):
    code = "\nfrom benchmarks import cuda_lowering\ncuda_lowering.cli.run("
    code += "cuda_lowering.main)"
    self.assert_fails(
      programs.run(code, "--case=nope"), "--case=nope", "esrgan"
    )


class CompiledTest(absltest.TestCase):
  def test_reads_what_xla_writes(self):
    text = """HloModule jit_f

ENTRY %main (x: bf16[4,64,64,32], k: bf16[3,3,32,32]) -> bf16[] {
  %x = bf16[4,64,64,32]{3,2,1,0} parameter(0), metadata={op_name="x"}
  %k = bf16[3,3,32,32]{3,2,1,0} parameter(1)
  %transpose_fusion.1 = bf16[32,3,3,32]{3,2,1,0} fusion(%k), kind=kInput
  %cudnn-conv.1 = (bf16[4,64,64,32]{3,2,1,0}, u8[0]{0}) custom-call(%x, %t), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convForward", metadata={}
  %loop_add_fusion = f32[512]{0} fusion(%cudnn-conv.1), kind=kLoop
}
"""  # noqa: E501
    self.assertEqual(
      cuda_target.read(text),
      {
        "kernels": 3,
        "convolutions": {"Forward bf16 b01f_o01i->b01f": 1},
        "moved_bytes": 32 * 3 * 3 * 32 * 2,
      },
    )


if __name__ == "__main__":
  absltest.main()
