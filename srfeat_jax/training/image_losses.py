"""Losses of images, as float32 scalars; see `losses` for those that a run has.

`sr` is the generator's output and `hr` the target: float32 `[b, H, W, 3]`,
nominally in [0, 1], not clipped. All means are over the whole batch.
"""

import math

import jax
import jax.numpy as jnp

from srfeat_jax import errors
from srfeat_jax.ops import pixels, similarity

PIXEL = ("l1", "mse", "charbonnier")  # kinds of `pixel`

_CHECKERBOARD_WINDOW = 8  # LR pixels
_SMALLEST_STEP = 0.1 / 255  # a flat image has no steps to compare
_CHARBONNIER_EPSILON = 1e-3
_SMALLEST_SIMILARITY = 1e-6  # powers have no slope at 0
_LDL_SIDE = 7
_SMALLEST_VARIANCE = 1e-12  # likewise


def pixel(sr: jax.Array, hr: jax.Array, kind: str) -> jax.Array:
  """Mean over batch, height, width and channels of the pixel difference.

  Args:
    sr: the generator's output.
    hr: the target.
    kind: "mse", squared (Ledig et al. 2017, equation 4); "l1", absolute; or
      "charbonnier", sqrt(d^2 + 1e-6) (Lai et al. 2017, section 3.3).

  Raises:
    errors.InputError: another kind.
  """
  if kind == "charbonnier":
    squares = jnp.square(sr.astype(jnp.float32) - hr.astype(jnp.float32))
    return jnp.mean(jnp.sqrt(squares + _CHARBONNIER_EPSILON**2))
  kinds = '"mse", "l1" or "charbonnier"'
  return mean_difference(sr, hr, kind, "config.losses.pixel", kinds)


def mean_difference(
  a: jax.Array, b: jax.Array, kind: str, field: str, kinds: str
) -> jax.Array:
  """Mean over all that two arrays hold, squared ("mse") or absolute ("l1").

  Args:
    a: an array.
    b: another one of its shape.
    kind: "mse" or "l1".
    field: where the kind is from, for the message.
    kinds: those that the field takes, likewise.

  Raises:
    errors.InputError: another kind.
  """
  difference = a.astype(jnp.float32) - b.astype(jnp.float32)
  if kind == "mse":
    return jnp.mean(jnp.square(difference))
  if kind == "l1":
    return jnp.mean(jnp.abs(difference))
  raise errors.InputError(f'{field} is "{kind}": expected {kinds}')


def checkerboard(sr: jax.Array, hr: jax.Array, scale: int) -> jax.Array:
  """Checkerboard artifacts: errors that repeat with each LR pixel.

  Each LR pixel becomes `scale` x `scale` pixels. The difference of each of
  these, and of each channel, is averaged over windows of LR pixels, where
  detail cancels and a checkerboard does not; the loss is the mean absolute
  value of these averages.

  Args:
    sr: the generator's output.
    hr: the target.
    scale: scale factor.
  """
  difference = pixels.pixel_unshuffle(sr - hr, scale)
  sides = [min(side, _CHECKERBOARD_WINDOW) for side in difference.shape[1:3]]
  window = (1, *sides, 1)
  sums = jax.lax.reduce_window(
    difference, 0.0, jax.lax.add, window, window, "VALID"
  )
  return jnp.mean(jnp.abs(sums)) / math.prod(sides)


def phase(sr: jax.Array, hr: jax.Array, scale: int) -> jax.Array:
  """Checkerboard artifacts: steps between neighbors that favor some phases.

  The mean absolute difference of neighboring pixels is much the same at every
  column modulo `scale` in natural images, see `ops.artifacts.checkerboard`. Of
  each image and both directions, this is the mean square of how far SR's means,
  divided by their mean, are from HR's. Of each pixel it sees the mean of R, G
  and B, so a checkerboard in color alone escapes.

  Args:
    sr: the generator's output.
    hr: the target.
    scale: scale factor; H and W are multiples of it.
  """
  difference = _steps_by_phase(sr, scale) - _steps_by_phase(hr, scale)
  return jnp.mean(jnp.square(difference))


def ms_ssim(sr: jax.Array, hr: jax.Array) -> jax.Array:
  """1 - MS-SSIM (Wang et al. 2003, equation 7), the mean over color channels.

  A Gaussian window of 11 pixels, sigma 1.5, only where it lies within the
  image; from scale to scale the mean of 2x2 pixels. The paper's five scales
  need crops of 176 px. Of smaller crops it is of the scales at which 11 pixels
  are left, 4 for 96 px, and their exponents are divided by their sum.

  Args:
    sr: the generator's output.
    hr: the target.

  Raises:
    errors.InputError: a side has less than 11 pixels.
  """
  side = min(sr.shape[1:3])
  if side < similarity.WINDOW:
    raise errors.InputError(
      f"config.losses.ms_ssim_weight: MS-SSIM needs crops of"
      f" {similarity.WINDOW} px, and these have {side}: set config.crop_size"
      " higher, or the weight to 0"
    )
  values = similarity.ms_ssim(
    sr, hr, similarity.num_scales(side), least=_SMALLEST_SIMILARITY
  )
  return 1 - jnp.mean(values)


def fft(sr: jax.Array, hr: jax.Array) -> jax.Array:
  """Mean absolute difference of the Fourier transforms, as SAFMN has it.

  The mean over real and imaginary parts of all frequencies (Cho et al. 2021,
  equation 4, by the number of values). Transforms are not normalized, so it is
  about sqrt(H W / 2) times as large as differences of pixels.

  Args:
    sr: the generator's output.
    hr: the target.
  """
  spectrum = jnp.fft.fft2((sr - hr).astype(jnp.float32), axes=(1, 2))
  return (
    jnp.mean(jnp.abs(spectrum.real)) + jnp.mean(jnp.abs(spectrum.imag))
  ) / 2


def ldl(sr: jax.Array, hr: jax.Array, ema_sr: jax.Array) -> jax.Array:
  """Differences where they look like artifacts (Liang et al. 2022).

  The mean of |sr - hr| times a map: the variance of the residual in 7x7
  windows, times a fifth root of its variance in the crop (equations 4 to 6),
  and 0 where SR is closer to the target than the output of the averaged weights
  (equation 7). As in the authors' code, gradients pass through the map.

  Args:
    sr: the generator's output.
    hr: the target.
    ema_sr: the output of the running average of the generator's weights.
  """
  residual, of_ema = (
    jnp.sum(jnp.abs(hr - x), axis=-1, keepdims=True) for x in (sr, ema_sr)
  )
  of_crop = jnp.var(residual, axis=(1, 2, 3), keepdims=True, ddof=1)
  weight = jnp.maximum(of_crop, _SMALLEST_VARIANCE) ** 0.2
  weight *= _local_variance(residual, _LDL_SIDE)
  weight = jnp.where(residual < of_ema, 0, weight)
  return jnp.mean(weight * jnp.abs(sr - hr))


def _steps_by_phase(images: jax.Array, scale: int) -> jax.Array:
  """Relative steps between gray neighbors, `[2, b, scale]`, 1 on average."""
  luma = jnp.mean(images.astype(jnp.float32), axis=-1)

  def of_columns(x):
    size = jnp.abs(jnp.diff(x, axis=2, append=x[:, :, -1:]))
    means = jnp.mean(size.reshape(*x.shape[:2], -1, scale), axis=(1, 2))
    return means / (jnp.mean(means, axis=1, keepdims=True) + _SMALLEST_STEP)

  return jnp.stack([of_columns(luma), of_columns(jnp.swapaxes(luma, 1, 2))])


def _local_variance(x: jax.Array, side: int) -> jax.Array:
  """Unbiased variances in windows around each pixel, edges mirrored."""
  # Variances do not depend on it, and squares lose fewer bits.
  x = x - jax.lax.stop_gradient(jnp.mean(x, axis=(1, 2, 3), keepdims=True))
  around = (side // 2, side // 2)
  x = jnp.pad(x, ((0, 0), around, around, (0, 0)), mode="reflect")

  def total(y):
    window = (1, side, side, 1)
    return jax.lax.reduce_window(
      y, 0.0, jax.lax.add, window, (1, 1, 1, 1), "VALID"
    )

  count = side**2
  return (total(x * x) - total(x) ** 2 / count) / (count - 1)
