"""Spectral normalization of convolution kernels (Miyato et al., ICLR 2018).

The kernel as a matrix, a row an output channel, is divided by an estimate of
its largest singular value. The estimate comes from power iteration, and its two
vectors are state: the collection "batch_stats", as in Flax's own layer.

`module.apply(variables, x, mutable=["batch_stats"])` first takes one iteration,
as `torch.nn.utils.spectral_norm` does when training; without `mutable` the
vectors are used as they are, as there in evaluation.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

_EPSILON = 1e-12  # of the norms of the vectors, as in PyTorch
# Before training: random vectors would give a singular value near 0.
_FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
  """Divides a kernel by its largest singular value, as estimated so far.

  Gradients reach the kernel through the singular value too, and stop at the
  vectors. All is float32, whatever the convolution computes in.
  """

  @nn.compact
  def __call__(self, kernel: jax.Array) -> jax.Array:
    """Keeps the shape [k, k, inputs, outputs] of a float32 kernel."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    fixed = jax.lax.stop_gradient(matrix)
    begins = not self.has_variable("batch_stats", "u")
    u = self.variable("batch_stats", "u", self._random, matrix.shape[1])
    v = self.variable("batch_stats", "v", self._random, matrix.shape[0])
    if begins:
      u.value, v.value = jax.lax.fori_loop(
        0,
        _FIRST_ITERATIONS,
        lambda _, vectors: _iterate(fixed, vectors[0]),
        (u.value, v.value),
      )
    elif self.is_mutable_collection("batch_stats"):
      u.value, v.value = _iterate(fixed, u.value)
    sigma = jnp.vdot(v.value, _product(matrix, u.value))
    return kernel / sigma

  def _random(self, length: int) -> jax.Array:
    return _normalized(jax.random.normal(self.make_rng("params"), (length,)))


def _iterate(matrix, u):
  v = _normalized(_product(matrix, u))
  return _normalized(_product(matrix.T, v)), v


def _product(matrix, vector):
  # An estimate in fewer bits would differ from one device to another.
  return jnp.matmul(matrix, vector, precision="highest")


def _normalized(vector):
  return vector / jnp.maximum(jnp.linalg.norm(vector), _EPSILON)
