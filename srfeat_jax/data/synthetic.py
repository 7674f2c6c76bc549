"""Procedural scenes with the statistics of photographs: training without data.

A scene is a dead-leaves world (Lee, Mumford and Huang, "Occlusion models for
natural images", IJCV 2001): opaque objects of every size, with a number density
proportional to radius^-3, laid over each other until the image is full. The
objects of one scene share a few shapes and materials, as things in the world
do; strokes and letters lie between them. The scene is drawn at twice its size
and downscaled with a filter, so that edges are as sharp as a good lens and
sensor would show them.

Scenes are uint8 RGB [size, size, 3] and depend on (seed, index, size) alone.
Lengths in this module are in pixels of the drawing; `_UNIT` of them are one
pixel of the scene.
"""

import functools
import math
import operator
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from srfeat_jax import errors
from srfeat_jax.data import materials

_UNIT = 2
_LARGEST = 128 * _UNIT  # Radius of the largest objects.
_PLAIN_BELOW = 8 * _UNIT  # Smaller objects show no texture.
_ANYWHERE_ABOVE = 24 * _UNIT  # Larger objects do not gather in places.
_OUTLINES, _MATERIALS = 8, 10  # Kinds of each in a scene.
_FONT_SIZES = (12, 16, 20, 26, 34, 44, 60, 84)
_LETTERS = string.ascii_letters + string.digits + "  .,-&"


def scene(index: int, size: int = 256, seed: int = 0) -> np.ndarray:
  """Draws one scene.

  Args:
    index: which scene, from 0; there are as many as wanted.
    size: side of the scene in pixels, 1 or more. Objects keep their size in
      pixels, so a larger scene shows more of them.
    seed: from 0; held-out scenes are those of another seed.

  Returns:
    uint8 RGB [size, size, 3]: always the same bytes for the same arguments,
    whatever was drawn before and in whichever thread. Other releases of numpy,
    Pillow or FreeType may round some pixels differently.

  Raises:
    errors.InputError: size below 1, or a negative index or seed.
  """
  index, size, seed = map(operator.index, (index, size, seed))
  for name, value, least in (
    ("index", index, 0),
    ("size", size, 1),
    ("seed", seed, 0),
  ):
    if value < least:
      raise errors.InputError(
        f"synthetic scene: {name} is {value}; give {least} or more"
      )
  rng = np.random.default_rng(np.random.SeedSequence((seed, index, size)))
  drawing = _Drawing(rng, Image.new("RGB", (size * _UNIT, size * _UNIT)))
  drawing.draw_objects()
  return _photograph(drawing.canvas, size, rng)


def _photograph(
  canvas: Image.Image, size: int, rng: np.random.Generator
) -> np.ndarray:
  """Lights the drawing unevenly and downscales it to [size, size, 3]."""
  small = canvas.resize((size, size), Image.Resampling.HAMMING)
  down, across = rng.normal(0, 0.12, 2)
  along = np.linspace(-1, 1, size)
  light = np.exp(down * along[:, None] + across * along).astype(np.float32)
  lit = np.asarray(small) * light[..., None]
  return np.rint(np.minimum(lit, 255)).astype(np.uint8)


def _outline(rng: np.random.Generator) -> np.ndarray:
  """Draws a shape: the corners [n, 2] of a polygon within [-1, 1]."""
  angles_of = functools.partial(np.linspace, 0, 2 * math.pi, endpoint=False)
  match int(rng.integers(9)) // 2:
    case 0:  # Ellipse.
      angles, radii = angles_of(64), np.ones(64)
    case 1:  # Smooth blob or flower.
      angles, waves = angles_of(72), rng.integers(2, 8, 3)
      phases = rng.uniform(0, 2 * math.pi, 3)
      swell = np.cos(angles[:, None] * waves + phases)
      radii = 1 + swell @ rng.normal(0, 0.15, 3)
    case 2:  # Rectangle, the most common shape of man-made things.
      angles, radii = angles_of(4) + math.pi / 4, np.ones(4)
    case 3:  # Uneven polygon.
      angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(4, 9)))
      radii = rng.uniform(0.5, 1, angles.size)
    case _:  # Star, or a leaf with a serrated edge.
      angles = angles_of(2 * int(rng.integers(4, 13)))
      radii = np.where(np.arange(angles.size) % 2, rng.uniform(0.35, 0.9), 1)
  corners = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
  corners[:, 1] *= math.exp(-rng.exponential(0.4))
  return corners / np.abs(corners).max()


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
  return ImageFont.load_default(size)


class _Drawing:
  """One scene while it is drawn."""

  def __init__(self, rng: np.random.Generator, canvas: Image.Image):
    self.canvas = canvas
    self._rng = rng
    self._side = canvas.width
    self._outlines = [_outline(rng) for _ in range(_OUTLINES)]
    self._materials = materials.draw(rng, _MATERIALS, _UNIT)
    self._upright = rng.normal(0, 0.1)
    self._disorder = math.exp(rng.uniform(-3.5, 1))

  def draw_objects(self):
    """Covers the canvas, then draws objects on it, the nearest last."""
    rng, side = self._rng, self._side
    everywhere = np.array([(0, 0), (side, 0), (side, side), (0, side)])
    self._surface(everywhere, self._materials[0], _LARGEST, self._angle())
    smallest = _UNIT * math.exp(rng.uniform(math.log(3), math.log(10)))
    centers, radii = self._places(smallest, layers=rng.uniform(1.5, 4))
    text, strokes = rng.exponential((0.02, 0.06)).tolist()
    kinds = rng.random(radii.size).tolist()
    blur_at = rng.integers(radii.size + 1) if rng.random() < 0.25 else -1
    for i, (kind, radius) in enumerate(zip(kinds, radii.tolist(), strict=True)):
      if i == blur_at:  # The objects behind are out of focus.
        blur = ImageFilter.GaussianBlur(_UNIT * rng.uniform(0.5, 2.5))
        self.canvas = self.canvas.filter(blur)
      if kind < text:
        self._text(centers[i], radius)
      elif kind < text + strokes:
        self._strokes(centers[i], radius)
      else:
        self._object(centers[i], radius)

  def _places(self, smallest, layers):
    """Draws a Poisson field of disks that meet the canvas: centers, radii.

    Radii have density r^-3 from `smallest` up; before small objects gather, a
    point is covered by `layers` disks on average.
    """
    rng, side = self._rng, self._side
    high, low = smallest**-2, _LARGEST**-2
    mean_area = 2 * math.pi * math.log(_LARGEST / smallest) / (high - low)
    number = rng.poisson(layers * (side + 2 * _LARGEST) ** 2 / mean_area)
    radii = rng.uniform(low, high, number) ** -0.5
    centers = rng.uniform(-_LARGEST, side + _LARGEST, (number, 2))
    seen = np.abs(centers - side / 2).max(1) - side / 2 < radii
    # Small objects gather, as leaves, pebbles and crowds do: where, a sum of
    # long waves decides, and the ground between them stays free.
    waves = rng.normal(0, 1, (3, 2)) / rng.uniform(80, 400, (3, 1)) / _UNIT
    phases = rng.uniform(0, 2 * math.pi, 3)
    crowd = np.cos(2 * math.pi * centers @ waves.T + phases).sum(1)
    seen &= (crowd > rng.uniform(-2, 1)) | (radii > _ANYWHERE_ABOVE)
    return centers[seen], radii[seen]

  def _angle(self):
    """Draws an angle: in an ordered scene most objects stand upright."""
    return self._upright + self._disorder * self._rng.standard_normal()

  def _material(self):
    return self._materials[int(self._rng.integers(_MATERIALS))]

  def _object(self, center, radius):
    # Products of two draws favor a few shapes and materials in each scene.
    first = self._rng.random(4).tolist()
    outline = self._outlines[int(_OUTLINES * first[0] * first[1])]
    material = self._materials[int(_MATERIALS * first[2] * first[3])]
    angle, thin = self._angle(), self._rng.uniform(0.6, 1)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = radius * np.array([(cos, sin), (-sin * thin, cos * thin)])
    corners = outline @ matrix + center
    if radius < _PLAIN_BELOW:
      color = material.color(int(self._rng.integers(40, 216)))
      draw = ImageDraw.Draw(self.canvas)
      draw.polygon(corners.ravel().tolist(), fill=color)
    else:
      self._surface(corners, material, radius, angle)

  def _surface(self, corners, material, radius, angle):
    """Fills a polygon with a material."""
    left, top = (max(0, int(c)) for c in corners.min(0))
    right, bottom = (min(self._side, int(c) + 2) for c in corners.max(0))
    width, height = right - left, bottom - top
    if width < 1 or height < 1:
      return
    image = material.paint(self._rng, width, height, radius, angle)
    mask = Image.new("L", (width, height))
    polygon = (corners - (left, top)).ravel().tolist()
    ImageDraw.Draw(mask).polygon(polygon, fill=255)
    self.canvas.paste(image, (left, top), mask)

  def _strokes(self, center, radius):
    """Draws one curve, or several side by side: wires, twigs, rails, hair."""
    rng, material = self._rng, self._material()
    a, b, c = center + radius * rng.uniform(-1.5, 1.5, (3, 2))
    t = np.linspace(0, 1, 20)[:, None]
    curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    width = math.ceil(_UNIT * math.exp(rng.uniform(-1, 1.6)))
    number = 1 + int(rng.exponential(4)) if rng.random() < 0.6 else 1
    step = rng.normal(0, 1, 2)
    step *= width * rng.uniform(1.5, 6) / np.hypot(*step)
    spread = rng.normal(0, 0.2) if rng.random() < 0.5 else 0.0
    draw = ImageDraw.Draw(self.canvas)
    for i in range(number):
      line = curve + i * step * (1 + spread * i * t)
      color = material.color(int(rng.integers(256)))
      draw.line(line.ravel().tolist(), color, width, joint="curve")

  def _text(self, center, radius):
    """Draws lines of letters, sometimes on a plate."""
    rng, material = self._rng, self._material()
    wanted = radius * rng.uniform(0.25, 1)
    size = min(_FONT_SIZES, key=lambda each: abs(each - wanted))
    columns = min(24, 1 + int(2 * radius / (0.6 * size)))
    rows = int(rng.integers(1, 2 + min(8, int(radius / size))))
    letters = rng.integers(len(_LETTERS), size=(rows, columns))
    lines = "\n".join("".join(_LETTERS[i] for i in row) for row in letters)
    ink, paper = (0, 255) if rng.random() < 0.5 else (255, 0)
    extent = ImageDraw.Draw(self.canvas).multiline_textbbox(
      (0, 0), lines, _font(size)
    )
    left, top, right, bottom = map(round, extent)
    pad = size // 3
    box = right - left + 2 * pad, bottom - top + 2 * pad
    sheet = Image.new("L", box)
    ImageDraw.Draw(sheet).multiline_text(
      (pad - left, pad - top), lines, 255, _font(size)
    )
    degrees, corner = (
      rng.normal(0, 15),
      tuple(np.rint(center - radius).astype(int)),
    )
    if rng.random() < 0.5:
      plate = Image.new("L", box, 255).rotate(degrees, expand=True)
      self.canvas.paste(material.color(paper), corner, plate)
    mask = sheet.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    self.canvas.paste(material.color(ink), corner, mask)
