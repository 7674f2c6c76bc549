"""Published points of the perception-distortion plane, x4.

PSNR of Y without a border of 4 pixels and LPIPS, both from the README of SPSR
(Ma et al. 2020, https://github.com/Maclory/SPSR), who measured the released
images of SRGAN and ESRGAN; bicubic's PSNR is that of the usual tables. Their
LPIPS differs from ours in its backbone and, maybe, in the border: where ours of
bicubic is another number than theirs, only positions relative to bicubic can be
compared.
"""

SOURCE = "README of SPSR, Ma et al. 2020"
# By set and method: PSNR of Y in dB, LPIPS.
POINTS = {
  "Set5": {
    "bicubic": (28.42, 0.3407),
    "SRGAN": (29.168, 0.0882),
    "ESRGAN": (30.454, 0.0748),
  },
  "Set14": {
    "bicubic": (26.00, 0.4393),
    "SRGAN": (26.171, 0.1663),
    "ESRGAN": (26.276, 0.1329),
  },
  "BSD100": {
    "bicubic": (25.96, 0.5249),
    "SRGAN": (25.459, 0.1980),
    "ESRGAN": (25.317, 0.1614),
  },
  "Urban100": {
    "bicubic": (23.14, 0.4726),
    "SRGAN": (24.397, 0.1551),
    "ESRGAN": (24.360, 0.1229),
  },
}
