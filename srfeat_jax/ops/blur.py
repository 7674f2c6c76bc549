"""Blur kernels, and convolution of images with one of their own, for JAX.

Kernels are `[size, size]` float32, sum to 1, and may be drawn under jit and
vmap: `size` is static, everything else may be traced. The family is that of
Real-ESRGAN (Wang et al. 2021, section 3.2): Gaussians, generalized Gaussians,
plateaus and circular low-pass filters.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from scipy import fft


def gaussian(
  size: int,
  sigma_x: ArrayLike,
  sigma_y: ArrayLike,
  angle: ArrayLike,
  beta: ArrayLike = 1.0,
  plateau: ArrayLike = False,
) -> jax.Array:
  """An anisotropic Gaussian, its generalization or a plateau.

  With q the squared Mahalanobis distance from the center, values are
  exp(-q^beta / 2), or 1 / (1 + q^beta) for the plateau, normalized to sum 1
  (Liu et al. 2020, as Real-ESRGAN uses them).

  Args:
    size: odd side of the kernel in pixels.
    sigma_x: deviation along the first axis in pixels, above 0.
    sigma_y: along the second.
    angle: of the first axis to the rows, in radians.
    beta: shape; 1 is a Gaussian.
    plateau: bool, may be traced.

  Returns:
    float32 `[size, size]`.
  """
  y, x = _offsets(size)
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  along, across = cos * x + sin * y, cos * y - sin * x
  q = jnp.square(along / sigma_x) + jnp.square(across / sigma_y)
  # At the center 0 ** beta is 0, which a power by logarithms may not give.
  power = jnp.where(q > 0, jnp.power(jnp.maximum(q, 1e-20), beta), 0.0)
  return _normalized(jnp.where(plateau, 1 / (1 + power), jnp.exp(-power / 2)))


def sinc(size: int, cutoff: ArrayLike) -> jax.Array:
  """The circular low-pass filter, which leaves ringing as sharpening does.

  omega J1(omega r) / (2 pi r) at the distance r from the center, normalized to
  sum 1 (Real-ESRGAN, section 3.3, equation 6).

  Args:
    size: odd side of the kernel in pixels.
    cutoff: omega, in radians per pixel, up to pi.

  Returns:
    float32 `[size, size]`.
  """
  y, x = _offsets(size)
  cutoff = jnp.asarray(cutoff)
  r = jnp.sqrt(jnp.square(x) + jnp.square(y))
  safe = jnp.maximum(r, 1e-6)
  elsewhere = cutoff * bessel_j1(cutoff * safe) / (2 * jnp.pi * safe)
  center = jnp.square(cutoff) / (4 * jnp.pi)
  return _normalized(jnp.where(r > 0, elsewhere, center))


def identity(size: int) -> jax.Array:
  """The kernel that changes nothing."""
  y, x = _offsets(size)
  return ((x == 0) & (y == 0)).astype(jnp.float32)


def cropped(kernel: jax.Array, side: jax.Array | int) -> jax.Array:
  """Keeps the middle `side` x `side` pixels, odd; `side` may be traced."""
  y, x = _offsets(len(kernel))
  kept = jnp.maximum(jnp.abs(x), jnp.abs(y)) <= side // 2
  return _normalized(jnp.where(kept, kernel, 0.0))


def blur(image: jax.Array, kernel: jax.Array) -> jax.Array:
  """Correlates every channel with one kernel; edges are mirrored.

  By Fourier transform: the kernels here are large, and differ from image to
  image, for which convolutions are slow.

  Args:
    image: float32 `[h, w, c]`, each side longer than half the kernel's.
    kernel: `[size, size]`, size odd.

  Returns:
    float32 `[h, w, c]`.
  """
  height, width, _ = image.shape
  margin = len(kernel) // 2
  padding = ((margin, margin), (margin, margin), (0, 0))
  padded = jnp.pad(image, padding, mode="reflect").transpose(2, 0, 1)
  # Sizes of large prime factors take several times as long.
  sides = [fft.next_fast_len(side, real=True) for side in padded.shape[1:]]
  # The product of transforms convolves; a flipped kernel correlates.
  spectrum = jnp.fft.rfft2(kernel[::-1, ::-1], sides)
  result = jnp.fft.irfft2(jnp.fft.rfft2(padded, sides) * spectrum, sides)
  result = result[:, 2 * margin :, 2 * margin :]
  return result[:, :height, :width].transpose(1, 2, 0)


def bessel_j1(x: jax.Array) -> jax.Array:
  """The Bessel function J1 for x >= 0, to 1e-6.

  By the polynomials of Abramowitz and Stegun, 9.4.4 and 9.4.6.
  """
  small = jnp.square(jnp.minimum(x, 3.0) / 3)
  near = x * _polynomial(
    small,
    (
      0.5,
      -0.56249985,
      0.21093573,
      -0.03954289,
      0.00443319,
      -0.00031761,
      1.109e-5,
    ),
  )
  large = jnp.maximum(x, 3.0)
  t = 3 / large
  modulus = _polynomial(
    t,
    (
      0.79788456,
      1.56e-6,
      0.01659667,
      1.7105e-4,
      -0.00249511,
      0.00113653,
      -0.00020033,
    ),
  )
  phase = large + _polynomial(
    t,
    (
      -2.35619449,
      0.12499612,
      5.650e-5,
      -0.00637879,
      7.4348e-4,
      7.9824e-4,
      -2.9166e-4,
    ),
  )
  far = modulus * jnp.cos(phase) / jnp.sqrt(large)
  return jnp.where(x <= 3, near, far)


def _polynomial(x, coefficients):
  total = jnp.zeros_like(x)
  for coefficient in reversed(coefficients):
    total = total * x + coefficient
  return total


def _offsets(size: int):
  if size % 2 == 0:
    raise ValueError(f"a kernel has an odd side, got {size}")
  line = np.arange(size, dtype=np.float32) - size // 2
  return line[:, None], line[None, :]


def _normalized(kernel: jax.Array) -> jax.Array:
  return kernel / jnp.sum(kernel)
