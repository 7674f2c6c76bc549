"""How quality is measured: what is compared with what, in which channel.

Numbers of different protocols do not compare: the same images score some 2 dB
less in RGB than in Y. `MATLAB` is the one of the field's published tables;
`CENTRE296` the one of this project's documents.
"""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from srfeat_jax import errors, gray
from srfeat_jax.data import benchmarks
from srfeat_jax.ops import artifacts, color, quality, resize

_SSIM_WINDOW = 11
_RATIOS = ("checkerboard",)


@dataclasses.dataclass(frozen=True)
class Protocol:
  """A way to measure, by its rules.

  Attributes:
    name: how flags and reports call it.
    description: its rules in a sentence, for reports.
    crop: None: whole HR images, cropped to a multiple of the scale; LR images
      from the set's files, or else MATLAB's bicubic. A number: the square of
      that side from the middle of the HR image in RGB, with black around where
      the image is smaller; LR images by Pillow's bicubic.
    shaved: whether as many pixels as the scale are left out on each side.
  """

  name: str
  description: str
  crop: int | None
  shaved: bool

  def load(
    self, folder: str | os.PathLike, sets: Sequence[str] = (), scale: int = 4
  ) -> list[benchmarks.BenchmarkSet]:
    """Loads benchmark sets as this protocol wants them, see `benchmarks.load`.

    The middle of an image is the middle of all of it: nothing may be cropped
    off before.
    """
    return benchmarks.load(folder, sets, 1 if self.crop else scale)

  def pair(
    self, image: benchmarks.BenchmarkImage, scale: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Reads what the upscaler is given and what it ought to return.

    Args:
      image: an image of `load`.
      scale: enlargement.

    Returns:
      LR and HR: uint8, [h, w, 3] and [H, W, 3], or [h, w] and [H, W] where HR
      is gray.

    Raises:
      errors.InputError: a file cannot be read, or is too small to be measured.
    """
    hr = image.hr()
    if self.crop:
      hr = _centre(hr, self.crop)
      size = (self.crop // scale, self.crop // scale)
      lr = Image.fromarray(hr).resize(size, Image.Resampling.BICUBIC)
      return np.asarray(lr), hr
    least = _SSIM_WINDOW + 2 * self._border(scale)
    if min(hr.shape[:2]) < least:
      raise errors.InputError(
        f"{image.hr_path} has {hr.shape[0]} x {hr.shape[1]} pixels (height x"
        f" width, cropped to a multiple of {scale}); SSIM needs {least} or more"
        " on each side."
      )
    lr = image.lr()
    if lr is None:
      lr = resize.resize(np.atleast_3d(hr), 1 / scale)
      lr = lr if hr.ndim == 3 else lr[..., 0]
    return lr, hr

  def metrics(self, scale: int) -> tuple[str, ...]:
    """Returns the names of what `measure` measures."""
    border = self._border(scale)
    return (
      *("psnr_y", "ssim_y", "psnr_y_float", "psnr_rgb"),
      *((f"psnr_rgb_crop{border}",) if border else ()),
      *("checkerboard", "phase_error", "color_error"),
    )

  def measure(
    self, sr: np.ndarray, hr: np.ndarray, scale: int
  ) -> dict[str, float]:
    """Measures an enlarged image.

    Args:
      sr: uint8 [H, W, 3] or [H, W].
      hr: the target, of the same shape.
      scale: enlargement.

    Returns:
      `psnr_y` (dB) and `ssim_y` on Y in whole levels, as MATLAB's `rgb2ycbcr`
      gives it for 8-bit images; `psnr_y_float` on Y as it is, as BasicSR does;
      `psnr_rgb` on all pixels; and, if the protocol shaves, `psnr_rgb_crop4`
      without the border (of 4, the scale), as in BasicSR's model zoo;
      `checkerboard` (of Y in whole levels, a ratio: 1 is none), `phase_error`
      and `color_error` (both of RGB, in levels), on all pixels, see
      `ops.artifacts`. Gray images are compared as they are under all of these
      names.
    """
    border = self._border(scale)
    sr_y, hr_y = (
      image.astype(float)
      if image.ndim == 2
      else 255 * color.rgb_to_y(image / 255)
      for image in (sr, hr)
    )
    sr_levels, hr_levels = np.floor(sr_y + 0.5), np.floor(hr_y + 0.5)
    scores = (
      quality.psnr(sr_levels, hr_levels, border),
      quality.ssim(sr_levels, hr_levels, border),
      quality.psnr(sr_y, hr_y, border),
      quality.psnr(sr, hr),
      *((quality.psnr(sr, hr, border),) if border else ()),
      artifacts.checkerboard(sr_levels, scale),
      artifacts.phase_error(sr, hr, scale),
      artifacts.color_error(sr, hr),
    )
    return dict(zip(self.metrics(scale), scores, strict=True))

  def _border(self, scale: int) -> int:
    return scale if self.shaved else 0


MATLAB = Protocol(
  name="matlab",
  description=(
    "whole images, MATLAB bicubic LR; PSNR and SSIM on 8-bit Y without a border"
    " as wide as the scale; RGB PSNR on all pixels; gray images as they are"
  ),
  crop=None,
  shaved=True,
)
CENTRE296 = Protocol(
  name="centre296",
  description=(
    "296 x 296 from the middle, smaller images padded with black, Pillow"
    " bicubic LR; PSNR and SSIM on all pixels; gray images as RGB"
  ),
  crop=296,
  shaved=False,
)
ALL = {protocol.name: protocol for protocol in (MATLAB, CENTRE296)}


def set_value(metric: str, values: Sequence[float]) -> float:
  """Sums up a metric of `Protocol.measure` over a set's images, at least one.

  The arithmetic mean, but the geometric mean of ratios, so that an image with
  twice as much and one with half as much cancel.
  """
  if metric in _RATIOS:
    return float(np.exp(np.mean(np.log(values))))
  return float(np.mean(values))


def _centre(image: np.ndarray, side: int) -> np.ndarray:
  """Crops or pads to RGB [side, side, 3] as torchvision's CenterCrop does."""
  image = gray.to_rgb(image)
  for axis in (0, 1):
    lacking = max(0, side - image.shape[axis])
    padding = [(0, 0)] * 3
    padding[axis] = (lacking // 2, lacking - lacking // 2)
    image = np.pad(image, padding)
    # Python's rounding of halves to even numbers is torchvision's.
    start = round((image.shape[axis] - side) / 2)
    image = image.take(range(start, start + side), axis=axis)
  return image
