"""What is read from programs that are lowered for a GPU that is not there."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.scaling import lowered


def _read(function, *arguments, donate=(), platform="cuda") -> lowered.Contents:
  traced = jax.jit(function, donate_argnums=donate).trace(*arguments)
  return lowered.read(traced.lower(lowering_platforms=(platform,)))


def _convolve(x, kernel):
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
  )


_X = jax.ShapeDtypeStruct((2, 8, 8, 4), jnp.bfloat16)
_KERNEL = jax.ShapeDtypeStruct((3, 3, 4, 5), jnp.bfloat16)


class LoweredTest(parameterized.TestCase):
  @parameterized.parameters(("bfloat16", "bf16"), ("float32", "f32"))
  def test_a_convolution_and_its_gradients(self, dtype, written):
    def loss(x, kernel):
      with jax.named_scope("first"):
        return _convolve(x, kernel).astype(jnp.float32).sum()

    x, kernel = (
      jax.ShapeDtypeStruct(each.shape, dtype) for each in (_X, _KERNEL)
    )
    contents = _read(jax.grad(loss, argnums=(0, 1)), x, kernel)
    self.assertEqual(contents.count("convolution"), {written: 2})
    # The gradient is that of a sum: XLA need not know the convolution itself.
    self.assertCountEqual(
      [each.layout for each in contents.products],
      ["gradient to the input", "gradient to the kernel"],
    )
    self.assertIn("first", contents.products[0].where)
    (forward,) = _read(_convolve, x, kernel).products
    self.assertEqual(forward.layout, "forward")
    self.assertEqual(forward.shapes, ((2, 8, 8, 4), (3, 3, 4, 5)))

  def test_another_layout(self):
    x = jax.ShapeDtypeStruct((2, 4, 8, 8), jnp.float32)
    kernel = jax.ShapeDtypeStruct((5, 4, 3, 3), jnp.float32)
    (product,) = _read(
      lambda x, k: jax.lax.conv_general_dilated(x, k, (1, 1), "SAME"), x, kernel
    ).products
    self.assertStartsWith(product.layout, "[b, f, 0, 1]")

  def test_matrix_products(self):
    a = jax.ShapeDtypeStruct((3, 4), jnp.float32)
    b = jax.ShapeDtypeStruct((4, 5), jnp.float32)
    (product,) = _read(jnp.matmul, a, b).products
    self.assertEqual(
      (product.kind, product.dtypes, product.shapes),
      ("dot_general", ("f32", "f32"), ((3, 4), (4, 5))),
    )

  def test_what_is_within_loops_counts_too(self):
    def repeated(x):
      step = jax.jit(lambda x, _: (_convolve(x, jnp.ones((3, 3, 4, 4))), None))
      return jax.lax.scan(step, x, length=7)[0]

    x = jax.ShapeDtypeStruct((2, 8, 8, 4), jnp.float32)
    self.assertEqual(_read(repeated, x).count("convolution"), {"f32": 1})

  def test_the_host(self):
    def logged(x):
      jax.debug.callback(lambda x: None, x)
      return x + 1

    contents = _read(logged, jnp.ones(3), platform="cpu")
    self.assertLen(contents.to_host, 1)
    self.assertEqual(_read(jnp.sin, jnp.ones(3)).to_host, [])

  def test_calls(self):
    contents = _read(jnp.linalg.eigh, jnp.eye(3))
    self.assertNotEmpty(contents.calls)
    self.assertEqual(_read(jnp.sin, jnp.ones(3)).calls, {})

  def test_float64(self):
    with jax.enable_x64():
      contents = _read(lambda x: x.astype(jnp.float64) + 1, np.ones(3, "f"))
      spectrum = _read(jnp.fft.fft, np.ones(3))
    self.assertGreater(contents.float64, 0)
    self.assertGreater(spectrum.float64, 0)
    self.assertEqual(_read(lambda x: x + 1, np.ones(3, "f")).float64, 0)
    self.assertEqual(_read(jnp.fft.fft, np.ones(3, "f")).float64, 0)

  def test_donated(self):
    state = {"a": jnp.ones(3), "b": jnp.ones((3, 4))}

    def step(state, x):
      return jax.tree.map(lambda y: y + x, state)

    self.assertEqual(_read(step, state, 1.0, donate=0).donated, 2)
    self.assertEqual(_read(step, state, 1.0).donated, 0)

  def test_transposed_maps(self):
    def moved(x):
      return x.transpose(0, 3, 1, 2) * 2, x.reshape(-1, 4).T * 2

    self.assertEqual(_read(moved, _X).transposed_bytes, 2 * 2 * 8 * 8 * 4)

  def test_transposed_spectra(self):
    def moved(x):
      return jnp.fft.fft(x).transpose(0, 3, 1, 2) * 2

    x = jax.ShapeDtypeStruct(_X.shape, jnp.float32)
    self.assertEqual(_read(moved, x).transposed_bytes, 8 * 2 * 8 * 8 * 4)


if __name__ == "__main__":
  absltest.main()
