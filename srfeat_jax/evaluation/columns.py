"""How metrics are shown in tables: labels, digits, and which way is better."""

import dataclasses
import math
import re

HIGHER, LOWER, NEITHER = 1, -1, 0


@dataclasses.dataclass(frozen=True)
class Column:
  """A metric's column.

  Attributes:
    label: for papers.
    digits: behind the decimal point.
    better: HIGHER, LOWER or NEITHER, of which the latter has no best value.
    on_screen: whether it is also in the table on the screen.
  """

  label: str
  digits: int = 4
  better: int = NEITHER
  on_screen: bool = True


_COLUMNS = {
  "psnr_y": Column("PSNR (Y)", 2, HIGHER),
  "ssim_y": Column("SSIM (Y)", 4, HIGHER),
  "ms_ssim_y": Column("MS-SSIM (Y)", 4, HIGHER),
  "psnr_y_float": Column("PSNR (Y, floats)", 2, HIGHER, on_screen=False),
  "psnr_rgb": Column("PSNR (RGB)", 2, HIGHER),
  "ssim_rgb": Column("SSIM (RGB)", 4, HIGHER, on_screen=False),
  "mse_rgb": Column("MSE (RGB)", 2, LOWER, on_screen=False),
  # The HR images themselves do not have the lowest.
  "checkerboard": Column("checkerboard", 3),
  "phase_error": Column("phase error", 3, LOWER, on_screen=False),
  "color_error": Column("color error", 3, LOWER, on_screen=False),
  "lpips": Column("LPIPS", 4, LOWER),
  "dists": Column("DISTS", 4, LOWER),
  "niqe": Column("NIQE", 3, LOWER),
  "pi": Column("PI", 3, LOWER),
  "perceptual_score": Column("perceptual score", 3, HIGHER),
}


def of(metric: str) -> Column:
  """The column of a metric; one of a person's own has its name as label."""
  if metric in _COLUMNS:
    return _COLUMNS[metric]
  if crop := re.fullmatch(r"(psnr|ssim)_rgb_crop(\d+)", metric):
    label = f"{crop[1].upper()} (RGB, crop {crop[2]})"
    return Column(label, 2 if crop[1] == "psnr" else 4, HIGHER, on_screen=False)
  if backbone := re.fullmatch(r"lpips_(\w+)", metric):
    return Column(f"LPIPS ({backbone[1]})", 4, LOWER)
  return Column(metric, 2 if metric.startswith(("psnr", "mse")) else 4)


def cell(metric: str, value: float | None) -> str:
  """A number with the digits of its column; "-" where there is none."""
  if value is None or math.isnan(value):
    return "-"
  return f"{value:.{of(metric).digits}f}"
