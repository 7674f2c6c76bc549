"""The degradation of photographs: blur, resizing, noise and JPEG, twice.

Real-ESRGAN's second-order model (Wang et al. 2021, section 3; parameters as in
its published options), with a draw for every image:

  first stage: blur, resize, noise, JPEG
  second stage: blur, resize, noise
  last: to the LR size with a sinc filter, and JPEG, in either order; 8 bits

Where it differs: resizing repeats the edges and does not mirror them, Poisson
noise is a normal distribution of the same variance, for 256 levels in any
image, and the grid of JPEG's blocks is shifted at random against the image, or
a network would learn where blocks begin.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from srfeat_jax.ops import blur, color, jpeg, resample

Draws = dict[str, jax.Array]  # the random parameters of an image, by name

# Kinds of blur kernel, in the order of `config.degradation.first.kernels`.
_KINDS = (
  "Gaussian",
  "anisotropic",
  "generalized",
  "anisotropic generalized",
  "plateau",
  "anisotropic plateau",
)
_SINC = len(_KINDS)


def degrade(
  hr: jax.Array, key: jax.Array, settings: Any, scale: int
) -> tuple[jax.Array, Draws]:
  """Degrades one image.

  Args:
    hr: float32 `[s, s, 3]` in [0, 1].
    key: of this image.
    settings: `config.degradation`, see `configs/degradations.py`.
    scale: of LR; s is divisible by it.

  Returns:
    float32 `[s / scale, s / scale, 3]` in whole levels of 1 / 255; and what was
    drawn for each stage: scalars, and blur kernels `[size, size]`.
  """
  first_key, second_key, last_key, use_key = jax.random.split(key, 4)
  draws = {}
  side = hr.shape[0]
  image, size = hr, side
  if settings.first_probability:
    image, size, first = _stage(
      hr, side, side, first_key, settings.first, ends_with_jpeg=True
    )
    used = jax.random.bernoulli(use_key, settings.first_probability)
    size = jnp.where(used, size, side)
    # Both canvases must be of one size: a first stage may upscale.
    unchanged = jnp.pad(
      hr, ((0, len(image) - side),) * 2 + ((0, 0),), mode="edge"
    )
    image = jnp.where(used, image, unchanged)
    draws |= {f"first_{name}": value for name, value in first.items()}
    draws["first_used"] = used
  target = side // scale
  image, size, second = _stage(
    image, size, target, second_key, settings.second, ends_with_jpeg=False
  )
  draws |= {f"second_{name}": value for name, value in second.items()}
  lr, last = _last(image, size, target, last_key, settings)
  return lr, draws | {f"last_{name}": value for name, value in last.items()}


def _stage(canvas, side, unit: int, key, settings, *, ends_with_jpeg: bool):
  """Blur, resize, noise and, in the first stage, JPEG.

  Args:
    canvas: holds the image in its top left corner, see `resample`.
    side: of the image in pixels; may be traced.
    unit: the side in pixels that a resize factor of 1 leads to.
    key: of the stage.
    settings: of the stage.
    ends_with_jpeg: whether it does.

  Returns:
    The new canvas, the new side, and the draws.
  """
  sampler_key, noise_key = jax.random.split(key)
  sampler = _Sampler(sampler_key)
  kernel, draws = draw_kernel(sampler, settings)
  image = blur.blur(canvas, kernel)
  draws["kernel"] = kernel

  factor, resize_kernel = _draw_resize(sampler, settings)
  new_side = jnp.maximum(1, jnp.round(factor * unit)).astype(jnp.int32)
  new_canvas = round(max(1.0, *settings.resize_range) * unit)
  image = resample.resample(image, side, new_canvas, new_side, resize_kernel)
  image = jnp.clip(image, 0, 1)
  draws |= {"resize": factor, "resize_kernel": resize_kernel}

  image, noise_draws = _add_noise(image, noise_key, sampler, settings)
  draws |= noise_draws
  if ends_with_jpeg:
    save, jpeg_draws = _draw_jpeg(sampler, settings)
    image = save(image)
    draws |= jpeg_draws
  return image, new_side, draws


def _last(canvas, side, target: int, key, settings):
  """To the target size, with a sinc filter and JPEG in either order."""
  sampler = _Sampler(key)
  kernel, draws = _draw_last_sinc(sampler, settings)
  resize_kernel = sampler.choice(settings.second.resize_kernels)
  save, jpeg_draws = _draw_jpeg(sampler, settings.second)

  def to_target(image):
    # Real-ESRGAN filters after resizing; sizes are known there.
    image = resample.resample(image, side, target, target, resize_kernel)
    return blur.blur(image, kernel) if settings.last_sinc_probability else image

  filter_first = sampler.bernoulli(0.5)
  image = jnp.where(
    filter_first, save(to_target(canvas)), to_target(save(canvas))
  )
  image = jnp.floor(jnp.clip(image, 0, 1) * 255 + 0.5) / 255
  draws |= jpeg_draws | {
    "filter_first": filter_first,
    "resize_kernel": resize_kernel,
    "kernel": kernel,
  }
  return image, draws


def describe(draws: Mapping[str, Any], stage: str) -> str:
  """The draws of one stage ("first", "second" or "last"), in a line."""
  own = {
    name.removeprefix(f"{stage}_"): value
    for name, value in draws.items()
    if name.startswith(f"{stage}_")
  }
  words = []
  if own.get("kernel_kind", -1) == _SINC:
    words.append(f"sinc {own['cutoff']:.1f}")
  elif own.get("kernel_kind", -1) >= 0:
    sigma = f"{own['sigma_x']:.1f}"
    if own["sigma_x"] != own["sigma_y"]:
      sigma += f"/{own['sigma_y']:.1f}"
    words.append(f"{_KINDS[own['kernel_kind']]} {sigma}")
  if own.get("sinc"):
    words.append(f"sinc {own['cutoff']:.1f}")
  if "resize" in own:
    name = resample.KERNELS[own["resize_kernel"]]
    words.append(f"x{own['resize']:.2f} {name}")
  if own.get("noisy"):
    color_or_gray = "gray " if own["gray_noise"] else ""
    words.append(
      f"{color_or_gray}noise {own['noise_sigma']:.0f}"
      if own["gaussian"]
      else f"{color_or_gray}Poisson {own['poisson_scale']:.1f}"
    )
  if own.get("jpeg"):
    words.append(f"JPEG {own['jpeg_quality']:.0f}")
  return ", ".join(words) or "nothing"


class _Sampler:
  """Samples from one array of random numbers, which compiles to one operation.

  The results depend on the key and the order of the calls.
  """

  _COUNT = 32

  def __init__(self, key):
    self._numbers = iter(jax.random.uniform(key, (self._COUNT,)))

  def uniform(self, low, high) -> jax.Array:
    """From low to high."""
    return low + (high - low) * next(self._numbers)

  def bernoulli(self, probability) -> jax.Array:
    """True with this probability."""
    return next(self._numbers) < probability

  def integer(self, low: int, high: int, step: int = 1) -> jax.Array:
    """One of low, low + step, ... up to high."""
    count = (high - low) // step + 1
    index = jnp.floor(next(self._numbers) * count)
    return low + step * jnp.minimum(index, count - 1).astype(jnp.int32)

  def choice(self, shares) -> jax.Array:
    """An index, with probabilities in proportion to the shares."""
    bounds = np.cumsum(shares) / np.sum(shares)
    return jnp.sum(next(self._numbers) >= jnp.asarray(bounds[:-1], jnp.float32))


def draw_kernel(sampler: _Sampler, settings) -> tuple[jax.Array, Draws]:
  """A blur kernel of a stage, the identity where none is drawn."""
  smallest, largest = settings.kernel_size
  size = sampler.integer(smallest, largest, 2)
  # An index into `_KINDS`, where isotropic and anisotropic kernels alternate.
  kind = sampler.choice(settings.kernels)
  isotropic = kind % 2 == 0
  sigma_x = sampler.uniform(*settings.sigma)
  sigma_y = jnp.where(isotropic, sigma_x, sampler.uniform(*settings.sigma))
  angle = jnp.where(isotropic, 0.0, sampler.uniform(-np.pi, np.pi))
  generalized = _draw_beta(sampler, settings.generalized_beta)
  plateau = _draw_beta(sampler, settings.plateau_beta)
  beta = jnp.where(kind < 2, 1.0, jnp.where(kind < 4, generalized, plateau))
  kernel = blur.cropped(
    blur.gaussian(largest, sigma_x, sigma_y, angle, beta, kind >= 4), size
  )
  draws = {
    "kernel_size": size,
    "sigma_x": sigma_x,
    "sigma_y": sigma_y,
    "angle": angle,
    "beta": beta,
  }
  if settings.sinc_probability:
    lowest = jnp.where(size < 13, np.pi / 3, np.pi / 5)
    cutoff = sampler.uniform(lowest, np.pi)
    ringing = sampler.bernoulli(settings.sinc_probability)
    filtered = blur.cropped(blur.sinc(largest, cutoff), size)
    kernel = jnp.where(ringing, filtered, kernel)
    kind = jnp.where(ringing, _SINC, kind)
    draws["cutoff"] = cutoff
  blurred = sampler.bernoulli(settings.blur_probability)
  draws["kernel_kind"] = jnp.where(blurred, kind, -1)
  return jnp.where(blurred, kernel, blur.identity(largest)), draws


def _draw_last_sinc(sampler, settings):
  smallest, largest = settings.second.kernel_size
  size = sampler.integer(smallest, largest, 2)
  cutoff = sampler.uniform(np.pi / 3, np.pi)
  used = sampler.bernoulli(settings.last_sinc_probability)
  kernel = blur.cropped(blur.sinc(largest, cutoff), size)
  kernel = jnp.where(used, kernel, blur.identity(largest))
  return kernel, {"sinc": used, "cutoff": cutoff, "kernel_size": size}


def _draw_resize(sampler, settings):
  low, high = settings.resize_range
  direction = sampler.choice(settings.resize_directions)  # up, down, keep
  up = sampler.uniform(1.0, max(1.0, high))
  down = sampler.uniform(min(1.0, low), 1.0)
  factor = jnp.select([direction == 0, direction == 1], [up, down], 1.0)
  return factor, sampler.choice(settings.resize_kernels)


def _add_noise(image, key, sampler, settings):
  """Gaussian or Poisson noise, the same in all channels or one for each."""
  noisy = sampler.bernoulli(settings.noise_probability)
  gaussian = sampler.bernoulli(settings.gaussian_probability)
  gray = sampler.bernoulli(settings.gray_noise_probability)
  sigma = sampler.uniform(*settings.noise_sigma)
  strength = sampler.uniform(*settings.poisson_scale)
  noise = jax.random.normal(key, image.shape)
  noise = jnp.where(gray, noise[..., :1], noise)
  signal = jnp.where(gray, color.rgb_to_gray(image)[..., None], image)
  # A Poisson count of mean 256 x has the deviation sqrt(256 x), of which x's
  # is a 256th.
  poisson = strength * jnp.sqrt(jnp.maximum(signal, 0) / 256)
  deviation = jnp.where(gaussian, sigma / 255, poisson)
  noise = jnp.where(noisy, noise * deviation, 0.0)
  draws = {
    "noisy": noisy,
    "gaussian": gaussian,
    "gray_noise": gray,
    "noise_sigma": sigma,
    "poisson_scale": strength,
  }
  return jnp.clip(image + noise, 0, 1), draws


def _draw_jpeg(sampler, settings):
  """A function that saves an image as JPEG, or not, and its draws."""
  quality = jnp.round(sampler.uniform(*settings.jpeg_quality))
  row, column = sampler.integer(0, 15), sampler.integer(0, 15)
  used = sampler.bernoulli(settings.jpeg_probability)

  def save(image):
    saved = jpeg.compress(image, quality, row, column)
    return jnp.where(used, saved, image)

  return save, {"jpeg": used, "jpeg_quality": quality}


def _draw_beta(sampler, bounds):
  """From below 1 or from above, equally likely, within the bounds."""
  low, high = bounds
  below = sampler.uniform(min(low, 1.0), 1.0)
  above = sampler.uniform(1.0, max(high, 1.0))
  return jnp.where(sampler.bernoulli(0.5), below, above)
