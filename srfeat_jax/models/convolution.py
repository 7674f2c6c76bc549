"""Convolution, in ways that XLA is fast at; benchmarks/README.md has numbers.

On a CPU, a large kernel from three channels to few takes 3 to 7 times as long
as with a fourth channel of zeros, and where maps are small, most of the
gradient to them is spent on turning the kernel.
"""

import jax
import jax.numpy as jnp

from srfeat_jax.ops import pixels

# The collection of variables with turned kernels, of layers that do not train.
TURNED = "turned"
_NARROW = 8  # outputs; with less a larger kernel costs less than a blur
_FEW = 32  # outputs; with more XLA's is as fast from three channels


def convolve(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
  """Convolves with the zero padding that TensorFlow calls SAME.

  Args:
    x: [b, h, w, c].
    kernel: [k, k, c, f], of x's dtype.
    stride: pixels from one output to the next.

  Returns:
    [b, h / stride, w / stride, f], rounded up.
  """
  size, _, inputs, outputs = kernel.shape
  if size > 3 and inputs == 3 and outputs <= _FEW:
    x = jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))
    kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0)))
  return _convolve(x, kernel, stride)


@jax.custom_vjp
def convolve_fixed(
  x: jax.Array, kernel: jax.Array, turned_kernel: jax.Array
) -> jax.Array:
  """Convolves with a kernel that does not train: its gradient is zero.

  Args:
    x: [b, h, w, c].
    kernel: [k, k, c, f], of x's dtype, k odd.
    turned_kernel: `turned(kernel)`.

  Returns:
    [b, h, w, f]: `convolve(x, kernel)`.
  """
  del turned_kernel  # of the gradient
  return _convolve(x, kernel)


def _forward_fixed(x, kernel, turned_kernel):
  return _convolve(x, kernel), (kernel, turned_kernel)


def _backward_fixed(saved, gradient):
  kernel, turned_kernel = saved
  zeros = jnp.zeros_like
  return _convolve(gradient, turned_kernel), zeros(kernel), zeros(turned_kernel)


convolve_fixed.defvjp(_forward_fixed, _backward_fixed)


def turned(kernel: jax.Array) -> jax.Array:
  """The kernel [k, k, f, c] of the gradient to a convolution's input."""
  return kernel[::-1, ::-1].transpose(0, 1, 3, 2)


def convolve_blurred(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Blurs x by [1, 2, 1] / 4 along both axes, then convolves.

  x is zero beyond its sides, but its blur is not: the result is that of one
  convolution with `blurred(kernel)`, which is what is done for few outputs.

  Args:
    x: [b, h, w, c].
    kernel: [k, k, c, f], of x's dtype, k odd.

  Returns:
    [b, h, w, f].
  """
  if kernel.shape[-1] < _NARROW:
    return convolve(x, blurred(kernel))
  margin = kernel.shape[0] // 2
  around = (margin + 1, margin + 1)
  x = jnp.pad(x, ((0, 0), around, around, (0, 0)))
  x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
  x = (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4
  middle = slice(margin, -margin or None)
  return convolve(x, kernel)[:, middle, middle]


def blurred(kernel: jax.Array) -> jax.Array:
  """The kernel [k + 2, k + 2, c, f] that blurs by [1, 2, 1] / 4 as well."""
  for axis in (0, 1):
    before, after = [(0, 0)] * 4, [(0, 0)] * 4
    before[axis], after[axis] = (0, 2), (2, 0)
    middle = [(0, 0)] * 4
    middle[axis] = (1, 1)
    kernel = (
      jnp.pad(kernel, before)
      + 2 * jnp.pad(kernel, middle)
      + jnp.pad(kernel, after)
    ) / 4
  return kernel


def convolve_shuffled(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves the pixel shuffle of x, without computing it.

  The shuffle of a feature map with many channels takes long; here that of the
  result is done instead. Every output is computed from all inputs in reach of
  its block of four, some of them times zero: of a 3x3 kernel 27 of 36, of a 9x9
  kernel 19 of 100.

  Args:
    x: [b, h, w, 4c], in depth-to-space order ("DCR").
    kernel: [k, k, c, f], of x's dtype, k odd.

  Returns:
    [b, 2h, 2w, f]: `convolve(pixel_shuffle(x, 2), kernel)`.
  """
  size, _, inputs, outputs = kernel.shape
  reach = (size // 2 + 1) // 2  # in blocks
  side = 2 * reach + 1
  parts = []  # of the kernel, for each of a block's four outputs
  for row in range(2):
    for column in range(2):
      margins = [
        (before, 2 * side - size - before)
        for before in (2 * reach - size // 2 + i for i in (row, column))
      ]
      part = jnp.pad(kernel, (*margins, (0, 0), (0, 0)))
      parts.append(pixels.pixel_unshuffle(part.transpose(3, 0, 1, 2), 2))
  blocks = jnp.concatenate(parts).transpose(1, 2, 3, 0)
  assert blocks.shape == (side, side, 4 * inputs, 4 * outputs)
  return pixels.pixel_shuffle(_convolve(x, blocks), 2)


def _convolve(x, kernel, stride=1):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(stride, stride),
    padding="SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )
