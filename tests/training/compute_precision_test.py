"""The dtype of a run's networks and the precision of its products."""

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax.configs import gan
from srfeat_jax.training import compute_precision, networks, workdir


class ComputePrecisionTest(parameterized.TestCase):
  def test_one_field_serves_all_networks(self):
    config = gan.get_config("srfeat_lite")
    config.dtype = "bfloat16"
    config.vgg_weights = "vgg19.safetensors"
    config.lock()
    own = config.to_dict()
    applied = compute_precision.with_dtype(config)
    built = networks.assemble(
      applied, {"preprocessing": "caffe", "pooling": "ceil"}
    )
    modules = [built.generator, built.vgg, *built.discriminators.values()]
    self.assertEqual([each.dtype for each in modules], ["bfloat16"] * 4)
    self.assertEqual(config.to_dict(), own)
    self.assertEqual(
      compute_precision.record(applied)["dtype"],
      {
        "generator": "bfloat16",
        "vgg19": "bfloat16",
        "discriminators.image": "bfloat16",
        "discriminators.feature": "bfloat16",
      },
    )

  def test_without_it_each_network_has_its_own(self):
    config = gan.get_config("srfeat_lite")
    config.generator.dtype = "bfloat16"
    applied = compute_precision.with_dtype(config)
    self.assertEqual(applied.to_dict(), config.to_dict())

  def test_a_run_that_had_set_each_field_resumes(self):
    old = gan.get_config("srfeat_lite")
    old.generator.dtype = "bfloat16"
    for each in old.discriminators.values():
      each.dtype = "bfloat16"
    old = old.to_dict()
    del old["dtype"], old["matmul_precision"]
    new = gan.get_config("srfeat_lite")
    for dtype, resumes in (("bfloat16", True), ("float32", False)):
      new.dtype = dtype
      applied = compute_precision.with_dtype(new).to_dict()
      kept, _ = workdir.differences(old, applied)
      self.assertEqual(not kept, resumes, kept)

  @parameterized.parameters(
    ("", False), ("float32", True), ("tensorfloat32", False)
  )
  def test_precision_of_products(self, precision, highest):
    function = compute_precision.with_matmul_precision(jnp.dot, precision)
    x = jax.ShapeDtypeStruct((2, 2), "float32")

    # The gradient's products, too.
    def gradient(a, b):
      return jax.grad(lambda a: jnp.sum(function(a, b) ** 2))(a)

    text = jax.jit(gradient).lower(x, x).as_text()
    self.assertEqual(text.count("[HIGHEST, HIGHEST]"), 2 if highest else 0)


if __name__ == "__main__":
  absltest.main()
