"""The surfaces of objects in synthetic scenes: colors and textures.

A material is a ramp of 256 related colors, from dark to light, and a texture of
tones, each of which is a position in the ramp. The materials of one scene share
a tint, the color of its light, and three noises. Lengths are in pixels of the
drawing.
"""

import dataclasses
import functools
import math

import numpy as np
from PIL import Image

_TILE = 256  # Noise repeats with this period; a power of two, used as a mask.

# Textures and how often each is drawn.
_TEXTURES = {
  "plain": 4,
  "cloud": 4,
  "fiber": 2,
  "grain": 2,
  "blotches": 2,
  "stripes": 2,
  "wood": 1.5,
  "cloth": 1,
  "checks": 0.7,
  "grid": 1.3,
}


@dataclasses.dataclass(frozen=True)
class Material:
  """One material of a scene; made by `draw`."""

  ramp: np.ndarray  # uint8 [256, 3], dark to light.
  texture: str
  contrast: float  # Of the texture: 1 spans the ramp.
  angle: float  # Of the texture relative to its object, in radians.
  period: float
  sharpness: float  # From 1, a sinusoid, to about 12, hard edges.
  noises: dict[str, np.ndarray]  # float32 [_TILE * _TILE], mean 0, rms 1.

  def color(self, tone: int) -> tuple[int, int, int]:
    """Returns the RGB color of a tone from 0 (dark) to 255 (light)."""
    return tuple(self.ramp[tone].tolist())

  def paint(
    self,
    rng: np.random.Generator,
    width: int,
    height: int,
    radius: float,
    angle: float,
  ) -> Image.Image:
    """Paints a rectangle for an object.

    Args:
      rng: the source of random numbers.
      width: of the rectangle.
      height: of the rectangle.
      radius: of the object.
      angle: by which the object is rotated, in radians.

    Returns:
      A palette image, which becomes RGB when Pillow pastes it.
    """
    x = np.arange(width, dtype=np.float32)
    y = np.arange(height, dtype=np.float32)[:, None]
    # The texture is added to an even gradient of light across the object.
    level, *slope = (24 * rng.standard_normal(3)).tolist()
    tones = (x - width / 2) * (slope[0] / radius) + (128 + level)
    tones = tones + (y - height / 2) * (slope[1] / radius)
    if self.texture != "plain":
      scale, start_u, start_v = rng.random(3).tolist()
      cos, sin = math.cos(angle + self.angle), math.sin(angle + self.angle)
      u = x * cos + y * sin + np.float32(_TILE * start_u)
      v = y * cos - x * sin + np.float32(_TILE * start_v)
      frequency = 2 * math.pi / (self.period * (0.7 + 0.6 * scale))
      tones += (127 * self.contrast) * self._texture_at(u, v, frequency)
    np.clip(tones, 0, 255, out=tones)
    image = Image.fromarray(tones.astype(np.uint8))
    image.putpalette(self.ramp.tobytes())
    return image

  def _texture_at(
    self, u: np.ndarray, v: np.ndarray, frequency: float
  ) -> np.ndarray:
    """Returns the texture at the points (u, v), about -1 to 1."""
    match self.texture:
      case "cloud" | "grain" | "fiber":
        return 0.5 * self._noise_at(self.texture, u, v)
      case "blotches":
        return np.clip(
          4 * self.sharpness * self._noise_at("cloud", u, v), -1, 1
        )
      case "wood":
        return np.sin(frequency * v + 1.5 * self._noise_at("cloud", u / 4, v))
    p, q = np.sin(frequency * u), np.sin(frequency * v)
    match self.texture:
      case "stripes":
        return np.clip(self.sharpness * p, -1, 1)
      case "checks":
        return np.clip(self.sharpness * p * q, -1, 1)
      case "cloth":  # Round threads, which pass over and under each other.
        return 2 * np.abs(np.where(p * q > 0, p, q)) - 1
      case "grid":
        return np.clip(2 * self.sharpness * (0.9 - np.maximum(p, q)), -1, 1)
    raise ValueError(f"there is no texture {self.texture}")

  def _noise_at(self, name: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    at = (u.astype(np.int32) & (_TILE - 1)) * _TILE
    at += v.astype(np.int32) & (_TILE - 1)
    return self.noises[name].take(at)


def draw(rng: np.random.Generator, number: int, unit: float) -> list[Material]:
  """Draws the materials of a scene; `unit` is the size of its pixels."""
  tint = rng.normal((-0.3, 0.15, 0), (0.5, 0.2, 0.06))
  noises = {
    "cloud": _noise(rng, rng.uniform(0.8, 1.4)),
    "grain": _noise(rng, rng.uniform(0.2, 0.8)),
    "fiber": _noise(rng, rng.uniform(0.7, 1.3), 2 ** int(rng.integers(2, 5))),
  }
  names = tuple(_TEXTURES)
  share = np.cumsum(tuple(_TEXTURES.values()))
  return [
    Material(
      ramp=_ramp(rng, tint),
      texture=names[int(np.searchsorted(share, rng.random() * share[-1]))],
      contrast=min(1.0, 0.08 + rng.exponential(0.5)),
      angle=math.pi / 4 * int(rng.choice((0, 0, 0, 1, 2, 2, 2, 3))),
      period=unit * math.exp(rng.uniform(math.log(3), math.log(40))),
      sharpness=math.exp(rng.uniform(0, 2.5)),
      noises=noises,
    )
    for _ in range(number)
  ]


def _ramp(rng: np.random.Generator, tint: np.ndarray) -> np.ndarray:
  """Draws 256 related colors, uint8 [256, 3], dark to light.

  Colors are drawn in log-odds along the axes that are independent in natural
  scenes, lightness, yellow-blue and red-green, with falling variance
  (Ruderman, Cronin and Chiao, "Statistics of cone responses to natural
  images", JOSA A 1998).
  """
  axes = np.array([(1, 1, 1), (0.8, 0.1, -0.9), (0.6, -0.5, -0.2)])
  vivid = 2.2 if rng.random() < 0.15 else 1.0
  middle = tint + rng.normal(0, (0.7, 0.35 * vivid, 0.14 * vivid))
  half = rng.normal(0, (0, 0.15, 0.08))
  half[0] = rng.uniform(0.8, 1.8)
  logits = (middle + np.linspace(-1, 1, 256)[:, None] * half) @ axes
  return np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8)


def _noise(
  rng: np.random.Generator, exponent: float, stretch: int = 1
) -> np.ndarray:
  """Draws a periodic tile of noise, float32 [_TILE * _TILE].

  Its amplitude falls as frequency^-exponent; its streaks are `stretch` times
  as long as wide. Photographs have an exponent of about 1.
  """
  shape = _TILE, _TILE + 2
  white = rng.standard_normal(shape, dtype=np.float32).view(np.complex64)
  envelope = np.exp(np.float32(-exponent) * _log_frequency(stretch))
  noise = np.fft.irfft2(white * envelope)
  # Streaks run along the first axis, the texture's u.
  return (noise.T / noise.std()).ravel()


@functools.cache
def _log_frequency(stretch: int) -> np.ndarray:
  rows = np.fft.fftfreq(_TILE)[:, None]
  columns = np.fft.rfftfreq(_TILE) * stretch
  frequency = np.hypot(rows, columns)
  frequency[0, 0] = np.inf  # No constant part.
  return np.log(frequency).astype(np.float32)
