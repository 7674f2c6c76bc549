"""The degradation of photographs: blur, resizing, noise and JPEG, twice.

Real-ESRGAN's second-order model (Wang et al. 2021, section 3; parameters as in
its published options), with a draw for every image:

  first stage: blur, resize, noise, JPEG
  second stage: blur, resize, noise
  last: to the LR size with a sinc filter, and JPEG, in either order; 8 bits

Where it differs: resizing to a traced size mirrors nothing, Poisson noise is
the normal distribution of its variance, of 256 levels whatever the image holds,
and the grid of JPEG's blocks is shifted at random against the image, or a
network would learn where blocks begin.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from srfeat_jax.ops import blur, color, jpeg, resample

Draws = dict[str, jax.Array]  # what was drawn, by name

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
    scale: of LR; s divides by it.

  Returns:
    float32 `[s / scale, s / scale, 3]` in whole levels of 1 / 255; and the
    draws of each stage, float32 scalars, and its blur kernels.
  """
  first_key, second_key, last_key, use_key = jax.random.split(key, 4)
  draws = {}
  side = hr.shape[0]
  image, size = hr, side
  if settings.first_probability:
    image, size, first = _stage(
      hr, side, side, first_key, settings.first, blocks=True
    )
    used = jax.random.bernoulli(use_key, settings.first_probability)
    size = jnp.where(used, size, side)
    # The canvas of both must be one: a first stage may enlarge.
    plain = jnp.pad(hr, ((0, len(image) - side),) * 2 + ((0, 0),), mode="edge")
    image = jnp.where(used, image, plain)
    draws |= {f"first_{name}": value for name, value in first.items()}
    draws["first_used"] = used
  target = side // scale
  image, size, second = _stage(
    image, size, target, second_key, settings.second, blocks=False
  )
  draws |= {f"second_{name}": value for name, value in second.items()}
  lr, last = _last(image, size, target, last_key, settings)
  return lr, draws | {f"last_{name}": value for name, value in last.items()}


def _stage(canvas, side, unit: int, key, settings, blocks: bool):
  """Blur, resize, noise and, in the first stage, JPEG.

  Args:
    canvas: the image in its top left corner.
    side: of the image.
    unit: what the drawn factor of the resizing multiplies, in pixels.
    key: of the stage.
    settings: of the stage.
    blocks: whether JPEG ends it.

  Returns:
    The canvas, the new side, and the draws.
  """
  chance_key, noise_key = jax.random.split(key)
  chance = _Chance(chance_key)
  kernel, draws = draw_kernel(chance, settings)
  image = blur.blur(canvas, kernel)
  draws["kernel"] = kernel

  factor, resize_kernel = _draw_resize(chance, settings)
  new_side = jnp.maximum(1, jnp.round(factor * unit)).astype(jnp.int32)
  new_canvas = round(max(1.0, *settings.resize_range) * unit)
  image = resample.resample(image, side, new_canvas, new_side, resize_kernel)
  image = jnp.clip(image, 0, 1)
  draws |= {"resize": factor, "resize_kernel": resize_kernel}

  image, noise = _add_noise(image, noise_key, chance, settings)
  draws |= noise
  if blocks:
    image, drawn = _save_as_jpeg(image, chance, settings)
    draws |= drawn
  return image, new_side, draws


def _last(canvas, side, target: int, key, settings):
  chance = _Chance(key)
  kernel, draws = _draw_last_sinc(chance, settings)
  resize_kernel = chance.choose(settings.second.resize_kernels)
  save, drawn = _draw_jpeg(chance, settings.second)

  def to_target(image):
    # Real-ESRGAN filters after resizing; sizes are known there.
    image = resample.resample(image, side, target, target, resize_kernel)
    return blur.blur(image, kernel) if settings.last_sinc_probability else image

  filter_first = chance.happens(0.5)
  image = jnp.where(
    filter_first, save(to_target(canvas)), to_target(save(canvas))
  )
  image = jnp.floor(jnp.clip(image, 0, 1) * 255 + 0.5) / 255
  draws |= drawn | {
    "filter_first": filter_first,
    "resize_kernel": resize_kernel,
    "kernel": kernel,
  }
  return image, draws


def describe(draws: Mapping[str, Any], stage: str) -> str:
  """A stage's draws ("first", "second" or "last"), in a line."""
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


class _Chance:
  """Draws from one block of random numbers, which compiles to one operation.

  The order of the draws is what makes them repeat.
  """

  _COUNT = 32

  def __init__(self, key):
    self._numbers = iter(jax.random.uniform(key, (self._COUNT,)))

  def uniform(self, low, high) -> jax.Array:
    """From low to high."""
    return low + (high - low) * next(self._numbers)

  def happens(self, probability) -> jax.Array:
    """True with this probability."""
    return next(self._numbers) < probability

  def integer(self, low: int, high: int, step: int = 1) -> jax.Array:
    """One of low, low + step, ... up to high."""
    count = (high - low) // step + 1
    index = jnp.floor(next(self._numbers) * count)
    return low + step * jnp.minimum(index, count - 1).astype(jnp.int32)

  def choose(self, shares) -> jax.Array:
    """An index, with probabilities in proportion to the shares."""
    bounds = np.cumsum(shares) / np.sum(shares)
    return jnp.sum(next(self._numbers) >= jnp.asarray(bounds[:-1], jnp.float32))


def draw_kernel(chance: _Chance, settings) -> tuple[jax.Array, Draws]:
  """A blur kernel of a stage, the identity where none is drawn."""
  smallest, largest = settings.kernel_size
  size = chance.integer(smallest, largest, 2)
  # isotropic, anisotropic, then both generalized, then both plateaus
  kind = chance.choose(settings.kernels)
  isotropic = kind % 2 == 0
  sigma_x = chance.uniform(*settings.sigma)
  sigma_y = jnp.where(isotropic, sigma_x, chance.uniform(*settings.sigma))
  angle = jnp.where(isotropic, 0.0, chance.uniform(-np.pi, np.pi))
  generalized = _draw_beta(chance, settings.generalized_beta)
  plateau = _draw_beta(chance, settings.plateau_beta)
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
    cutoff = chance.uniform(lowest, np.pi)
    ringing = chance.happens(settings.sinc_probability)
    filtered = blur.cropped(blur.sinc(largest, cutoff), size)
    kernel = jnp.where(ringing, filtered, kernel)
    kind = jnp.where(ringing, _SINC, kind)
    draws["cutoff"] = cutoff
  blurred = chance.happens(settings.blur_probability)
  draws["kernel_kind"] = jnp.where(blurred, kind, -1)
  return jnp.where(blurred, kernel, blur.identity(largest)), draws


def _draw_last_sinc(chance, settings):
  smallest, largest = settings.second.kernel_size
  size = chance.integer(smallest, largest, 2)
  cutoff = chance.uniform(np.pi / 3, np.pi)
  used = chance.happens(settings.last_sinc_probability)
  kernel = blur.cropped(blur.sinc(largest, cutoff), size)
  kernel = jnp.where(used, kernel, blur.identity(largest))
  return kernel, {"sinc": used, "cutoff": cutoff, "kernel_size": size}


def _draw_resize(chance, settings):
  low, high = settings.resize_range
  direction = chance.choose(settings.resize_directions)  # up, down, keep
  up = chance.uniform(1.0, max(1.0, high))
  down = chance.uniform(min(1.0, low), 1.0)
  factor = jnp.select([direction == 0, direction == 1], [up, down], 1.0)
  return factor, chance.choose(settings.resize_kernels)


def _add_noise(image, key, chance, settings):
  """Gaussian or Poisson noise, in all channels alike or in each its own."""
  noisy = chance.happens(settings.noise_probability)
  gaussian = chance.happens(settings.gaussian_probability)
  gray = chance.happens(settings.gray_noise_probability)
  sigma = chance.uniform(*settings.noise_sigma)
  strength = chance.uniform(*settings.poisson_scale)
  noise = jax.random.normal(key, image.shape)
  noise = jnp.where(gray, noise[..., :1], noise)
  signal = jnp.where(gray, color.rgb_to_gray(image)[..., None], image)
  # A count of mean 256 x deviates by sqrt(256 x), which is 256 times x's share.
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


def _save_as_jpeg(image, chance, settings):
  save, draws = _draw_jpeg(chance, settings)
  return save(image), draws


def _draw_jpeg(chance, settings):
  """A function that saves with what was drawn, and the draws."""
  quality = jnp.round(chance.uniform(*settings.jpeg_quality))
  row, column = chance.integer(0, 15), chance.integer(0, 15)
  used = chance.happens(settings.jpeg_probability)

  def save(image):
    saved = jpeg.compress(image, quality, row, column)
    return jnp.where(used, saved, image)

  return save, {"jpeg": used, "jpeg_quality": quality}


def _draw_beta(chance, bounds):
  """From below 1 or from above, equally likely, as far as bounds allow."""
  low, high = bounds
  below = chance.uniform(min(low, 1.0), 1.0)
  above = chance.uniform(1.0, max(high, 1.0))
  return jnp.where(chance.happens(0.5), below, above)
