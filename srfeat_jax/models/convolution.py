"""Convolution, with a weight gradient that is fast on CPUs too.

XLA's own weight gradient of a 3x3 convolution with many outputs takes 1.1 to 5
times as long on a CPU as what is done here instead, and is the longest part of
a training step there; benchmarks/README.md has the numbers. On GPUs and TPUs
everything is XLA's.
"""

import functools

import jax
import jax.numpy as jnp

_MANY = 256  # outputs; with less XLA's is as fast


def convolve(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
  """Convolves with the zero padding that TensorFlow calls SAME.

  Args:
    x: [b, h, w, c].
    kernel: [k, k, c, f], of x's dtype.
    stride: pixels from one output to the next.

  Returns:
    [b, h / stride, w / stride, f], rounded up.
  """
  if kernel.shape[0] == 3 and stride == 1 and kernel.shape[-1] >= _MANY:
    return _convolve_to_many(x, kernel)
  return _convolve(x, kernel, stride)


def _convolve(x, kernel, stride=1):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(stride, stride),
    padding="SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )


@jax.custom_vjp
def _convolve_to_many(x, kernel):
  return _convolve(x, kernel)


def _forward(x, kernel):
  return _convolve(x, kernel), (x, kernel)


def _backward(saved, gradient):
  x, kernel = saved
  _, to_input = jax.vjp(lambda x: _convolve(x, kernel), x)
  _, to_kernel = jax.vjp(lambda kernel: _convolve(x, kernel), kernel)
  kernel_gradient = jax.lax.platform_dependent(
    x,
    gradient,
    cpu=functools.partial(_products, dtype=kernel.dtype),
    default=lambda _, gradient: to_kernel(gradient)[0],
  )
  return *to_input(gradient), kernel_gradient


_convolve_to_many.defvjp(_forward, _backward)


def _products(x, gradient, dtype):
  """The gradient of a 3x3 kernel: of each of its pixels by a product."""
  _, height, width, _ = x.shape
  padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  rows = [
    [
      jnp.einsum(
        "bhwc,bhwf->cf",
        padded[:, i : i + height, j : j + width],
        gradient,
        preferred_element_type=jnp.float32,
      )
      for j in range(3)
    ]
    for i in range(3)
  ]
  return jnp.array(rows).astype(dtype)
