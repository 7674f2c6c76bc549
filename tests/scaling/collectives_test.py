"""Tests of srfeat_jax.scaling.collectives."""

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from srfeat_jax.scaling import collectives
from srfeat_jax.training import parallel

_HEAD = "HloModule jit_step\n\nENTRY %main (p: f32[4]) -> f32[4] {\n"


def _program(*lines: str) -> str:
  return _HEAD + "".join(f"  {line}\n" for line in lines) + "}\n"


def _compiled(function, *arguments, out=None) -> list[collectives.Collective]:
  """Those of a function that XLA compiles for four devices.

  Args:
    function: of arrays.
    *arguments: of each its shape and how it is divided.
    out: how the result is divided; None: it is not.
  """
  mesh = parallel.make_mesh()
  compiled = (
    jax.jit(
      function,
      in_shardings=[NamedSharding(mesh, spec) for _, spec in arguments],
      out_shardings=NamedSharding(mesh, out or P()),
    )
    .lower(*(jax.ShapeDtypeStruct(shape, "float32") for shape, _ in arguments))
    .compile()
  )
  return collectives.find(compiled.as_text())


class ProgramsOfXLATest(absltest.TestCase):
  def test_a_sum_over_the_batch(self):
    (found,) = _compiled(lambda x: jnp.sum(x, 0), ((8, 100), P("data")))
    self.assertEqual(found, collectives.Collective("all-reduce", 400, 4))

  def test_a_whole_copy_of_what_is_divided(self):
    (found,) = _compiled(lambda x: x + 1, ((8, 100), P("data")))
    self.assertEqual(found, collectives.Collective("all-gather", 3200, 4))

  def test_none_where_none_is_needed(self):
    found = _compiled(lambda x: 2 * x, ((8, 100), P("data")), out=P("data"))
    self.assertEmpty(found)

  def test_one_in_a_loop_counts_each_time(self):
    def turn(carry, _):
      total = jnp.sum(carry, 0)  # over the devices
      return carry * 0.5 + total, None

    (found,) = _compiled(
      lambda x: jax.lax.scan(turn, x, None, length=7)[0],
      ((8, 100), P("data")),
      out=P("data"),
    )
    self.assertEqual(found, collectives.Collective("all-reduce", 400, 4, 7))


class TextTest(parameterized.TestCase):
  """Forms that compilers for TPUs and GPUs write, and the CPU's does not."""

  @parameterized.parameters(
    (
      "%r = (f32[16]{0:T(128)S(1)}, bf16[3,3,8]{2,1,0:T(8,128)(2,1)}, f32[])"
      " all-reduce(%a, %b, %c), channel_id=2,"
      " replica_groups=mesh['axis_0'=8,'axis_1'=2,'axis_2'=1]"
      " {'axis_0','axis_1'}, to_apply=%sum",
      ("all-reduce", 64 + 2 * 72 + 4, 16),
    ),
    (
      "%g = (bf16[2,8]{1,0}, bf16[8,8]{1,0}) all-gather-start(%a),"
      " replica_groups=[2,4]<=[8], dimensions={0}",
      ("all-gather", 128, 4),
    ),
    (
      "ROOT %s = f32[2,8]{1,0} reduce-scatter(%a),"
      " replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%sum",
      ("reduce-scatter", 4 * 64, 4),
    ),
    (
      "%s = (f32[8,8]{1,0}, f32[2,8]{1,0}) reduce-scatter-start(%a),"
      " replica_groups={{0,1,2,3}}, to_apply=%sum",
      ("reduce-scatter", 256, 4),
    ),
    (
      "%p = (f32[5]{0}, f32[5]{0}, u32[], u32[]) collective-permute-start(%a),"
      " source_target_pairs={{0,1},{1,0}}",
      ("collective-permute", 20, 0),
    ),
    (
      "%t = pred[4,10]{1,0} all-to-all(%a), replica_groups={{0,1}}",
      ("all-to-all", 40, 2),
    ),
    (
      "%r = s32[7]{0} all-reduce-start(%a), replica_groups={}, to_apply=%sum",
      ("all-reduce", 28, 0),
    ),
  )
  def test_one(self, line, expected):
    (found,) = collectives.find(_program(line))
    self.assertEqual(found, collectives.Collective(*expected))

  def test_what_is_none(self):
    found = collectives.find(
      _program(
        "%d = f32[4]{0} all-reduce-done(%r)",
        "%x = f32[4]{0} get-tuple-element(%all-reduce.2), index=0",
        '%f = f32[4]{0} fusion(%a), metadata={op_name="x all-gather(y)"}',
      )
    )
    self.assertEmpty(found)

  def test_computations_that_are_called_twice_or_never(self):
    text = (
      "HloModule m\n\n"
      "%inner (p: f32[4]) -> f32[4] {\n"
      "  ROOT %r = f32[4]{0} all-reduce(%p), replica_groups={{0,1}}\n}\n\n"
      "%unused (p: f32[4]) -> f32[4] {\n"
      "  ROOT %r = f32[4]{0} all-reduce(%p), replica_groups={{0,1}}\n}\n\n"
      "ENTRY %main (p: f32[4]) -> f32[4] {\n"
      "  %a = f32[4]{0} call(%p), to_apply=%inner\n"
      "  ROOT %b = f32[4]{0} fusion(%a), kind=kCustom, calls=%inner\n}\n"
    )
    (found,) = collectives.find(text)
    self.assertEqual(found.count, 2)


if __name__ == "__main__":
  absltest.main()
