"""How quality is measured: which images are compared, and in which channels.

Numbers of different protocols cannot be compared: the same images have a PSNR
about 2 dB lower in RGB than in Y. `MATLAB` is the protocol of published tables,
`CENTER296` that of this project's documents.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from srfeat_jax import gray
from srfeat_jax.data import benchmarks
from srfeat_jax.ops import artifacts, color, quality, resize

RATIOS = ("checkerboard",)  # averaged by the geometric mean


@dataclasses.dataclass(frozen=True)
class Protocol:
  """The rules of a measurement.

  Attributes:
    name: its name in flags and reports.
    description: its rules in a sentence, for reports.
    crop: None: whole HR images, cropped to a multiple of the scale factor; LR
      images from the set's files or else by MATLAB's bicubic. A number: the
      square of that side, or of the next smaller multiple of the scale
      factor, at the center of the HR image in RGB, padded with black where the
      image is smaller; LR images by Pillow's bicubic.
    shaved: whether a border as wide as the scale factor is left out.
  """

  name: str
  description: str
  crop: int | None
  shaved: bool

  def load(
    self, folder: str | os.PathLike, sets: Sequence[str] = (), scale: int = 4
  ) -> list[benchmarks.BenchmarkSet]:
    """Loads benchmark sets for this protocol, see `benchmarks.load`.

    Where the center is cropped, it is that of the whole image, which is not
    cropped to a multiple of the scale factor first.
    """
    return benchmarks.load(folder, sets, 1 if self.crop else scale)

  def pair(
    self, image: benchmarks.BenchmarkImage, scale: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Reads the input of the upscaler and its target.

    Args:
      image: an image of `load`.
      scale: scale factor.

    Returns:
      LR and HR: uint8, [h, w, 3] and [H, W, 3], or [h, w] and [H, W] where HR
      is gray.

    Raises:
      errors.InputError: a file cannot be read.
    """
    hr = image.hr()
    if self.crop:
      side = self.crop // scale
      hr = _center(hr, scale * side)
      lr = Image.fromarray(hr).resize((side, side), Image.Resampling.BICUBIC)
      return np.asarray(lr), hr
    lr = image.lr()
    if lr is None:
      lr = resize.resize(hr, 1 / scale)
    return lr, hr

  def metrics(self, scale: int) -> tuple[str, ...]:
    """Returns the names of the metrics of `measure`."""
    border = self.border(scale)
    return (
      *("psnr_y", "ssim_y", "psnr_y_float", "psnr_rgb"),
      *((f"psnr_rgb_crop{border}",) if border else ()),
      *("mse_rgb", "checkerboard", "phase_error", "color_error"),
    )

  def measure(
    self, sr: np.ndarray, hr: np.ndarray, scale: int
  ) -> dict[str, float]:
    """Measures an upscaled image.

    Args:
      sr: uint8 [H, W, 3] or [H, W].
      hr: the target, of the same shape.
      scale: scale factor.

    Returns:
      `psnr_y` (dB) and `ssim_y` on Y rounded to whole levels, like MATLAB's
      `rgb2ycbcr` of 8-bit images; `psnr_y_float` on Y without rounding, as in
      BasicSR; `psnr_rgb` on all pixels; if the protocol shaves,
      `psnr_rgb_crop4` without the border (4 for x4), as in BasicSR's model zoo;
      `mse_rgb` (squared levels) on all pixels; `checkerboard`, see the function
      of that name; `phase_error` and `color_error` (both of RGB, in levels) on
      all pixels, see `ops.artifacts`. Gray images are compared as they are
      under all of these names. What an image is too small for is NaN: SSIM
      takes a window of 11 pixels, all without the border.
    """
    border = self.border(scale)
    sr_y, hr_y = _luma(sr), _luma(hr)
    sr_levels, hr_levels = luma_levels(sr), luma_levels(hr)
    whole = min(hr.shape[:2])
    inside = whole - 2 * border

    def where(is_defined, metric, *arguments):
      return metric(*arguments) if is_defined else math.nan

    has_window = inside >= quality.SSIM_WINDOW
    inner = functools.partial(where, inside > 0, quality.psnr)
    scores = (
      inner(sr_levels, hr_levels, border),
      where(has_window, quality.ssim, sr_levels, hr_levels, border),
      inner(sr_y, hr_y, border),
      quality.psnr(sr, hr),
      *((inner(sr, hr, border),) if border else ()),
      quality.mse(sr, hr),
      where(whole > scale, checkerboard, sr, scale),
      where(whole >= scale, artifacts.phase_error, sr, hr, scale),
      artifacts.color_error(sr, hr),
    )
    return dict(zip(self.metrics(scale), scores, strict=True))

  def border(self, scale: int) -> int:
    """Returns how many pixels are left out on each side."""
    return scale if self.shaved else 0


MATLAB = Protocol(
  name="matlab",
  description=(
    "whole images, MATLAB bicubic LR; PSNR and SSIM on 8-bit Y excluding a"
    " border of SCALE pixels; RGB PSNR on all pixels; gray images as they are"
  ),
  crop=None,
  shaved=True,
)
CENTER296 = Protocol(
  name="center296",
  description=(
    "296 x 296 from the middle, smaller images padded with black, Pillow"
    " bicubic LR; PSNR and SSIM on all pixels; gray images as RGB"
  ),
  crop=296,
  shaved=False,
)
ALL = {protocol.name: protocol for protocol in (MATLAB, CENTER296)}


def set_value(metric: str, values: Sequence[float]) -> float:
  """Averages a metric of `Protocol.measure` over a set's images.

  The average is the arithmetic mean; for ratios it is the geometric mean, in
  which an image with twice as much and one with half as much cancel. Images for
  which the metric is not defined are left out; NaN if none is left.
  """
  defined = np.array([value for value in values if not np.isnan(value)])
  return float(average(metric, defined)) if defined.size else math.nan


def average(metric: str, values: np.ndarray) -> np.ndarray:
  """As `set_value`, over the last axis of an array."""
  if metric in RATIOS:
    return np.exp(np.mean(np.log(values), axis=-1))
  return np.mean(values, axis=-1)


def checkerboard(image: np.ndarray, scale: int) -> float:
  """Measures checkerboard artifacts of one image, which needs no target.

  Args:
    image: uint8 [H, W, 3] or [H, W].
    scale: scale factor by which it was, or would be, upscaled.

  Returns:
    A ratio of Y in whole levels on all pixels, 1 for none; see
    `ops.artifacts.checkerboard`.
  """
  return artifacts.checkerboard(luma_levels(image), scale)


def luma_levels(image: np.ndarray) -> np.ndarray:
  """Y in whole levels, as MATLAB's `rgb2ycbcr` of an 8-bit image has it.

  Args:
    image: uint8 [H, W, 3], or gray [H, W], which stays as it is.

  Returns:
    Float64 [H, W].
  """
  return np.floor(_luma(image) + 0.5)


def _luma(image: np.ndarray) -> np.ndarray:
  """Y of RGB, and gray as it is: float64 [H, W] in levels."""
  if image.ndim == 2:
    return image.astype(float)
  return 255 * color.rgb_to_y(image / 255)


def _center(image: np.ndarray, side: int) -> np.ndarray:
  """Crops or pads to RGB [side, side, 3] as torchvision's CenterCrop does."""
  image = gray.to_rgb(image)
  for axis in (0, 1):
    lacking = max(0, side - image.shape[axis])
    padding = [(0, 0)] * 3
    padding[axis] = (lacking // 2, lacking - lacking // 2)
    image = np.pad(image, padding)
    # Python rounds halves to even numbers, as torchvision does.
    start = round((image.shape[axis] - side) / 2)
    image = image.take(range(start, start + side), axis=axis)
  return image
