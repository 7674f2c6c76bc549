"""Scores that others published for x4, each with its protocol and source.

They were not measured here, and a difference of protocols can be larger than
one of methods: tables have them in a part of their own.
"""

from collections.abc import Sequence
from typing import Any

from srfeat_jax.evaluation import protocol as protocols

SCALE = 4
_Y = "Y, crop 4"
_RGB = "RGB, crop 4"
_CENTER = "RGB, center 296, Pillow LR"
# What scores of each protocol are called here, and with which of ours they are.
_METRICS = {
  _Y: ("psnr_y", "ssim_y"),
  _RGB: ("psnr_rgb_crop4", "ssim_rgb_crop4"),
  _CENTER: ("psnr_rgb",),
}
_SETS = ("Set5", "Set14", "BSD100", "Urban100", "Manga109", "DIV2K100")
_LOSEAL = "LoSealL/VideoSuperResolution, Docs/Benchmark (paper).md"
_LORNATANG = "Lornatang's reproduction, README"
_SLIME = "Slime0519/CV_PA3_SRFeat, README"
_SPSR = "Maclory/SPSR, README"
_SRGAN = "Ledig et al. 2017 (its SSIM is another one, and left out)"
_MMAGIC = "mmagic's model zoo (its SSIM is not BasicSR's, and left out)"
# Method, protocol, source, and of each set PSNR and SSIM; () for none.
_PAIRS: tuple[tuple[str, str, str, tuple[tuple[float, ...], ...]], ...] = (
  (
    "bicubic",
    _Y,
    _LOSEAL,
    ((28.42, 0.8104), (26.00, 0.7027), (25.96, 0.6675), (23.14, 0.6577)),
  ),
  ("SRResNet", _Y, _SRGAN, ((32.05,), (28.49,), (27.58,))),
  (
    "SRResNet, reproduced",
    _Y,
    _LORNATANG,
    ((32.16, 0.8938), (28.57, 0.7815), (27.56, 0.7367)),
  ),
  ("SRGAN", _Y, _SRGAN, ((29.40,), (26.02,), (25.16,))),
  (
    "SRGAN, reproduced",
    _Y,
    _LORNATANG,
    ((30.67, 0.8627), (27.12, 0.7321), (26.22, 0.6867)),
  ),
  (
    "EDSR",
    _Y,
    _LOSEAL,
    ((32.46, 0.8968), (28.80, 0.7876), (27.71, 0.7420), (26.64, 0.8033)),
  ),
  (
    "SRFeat_M",
    _Y,
    f"Park et al. 2018, in {_LOSEAL}",
    ((32.27, 0.8938), (28.71, 0.7835), (27.64, 0.7378)),
  ),
  (
    "SRFeat",
    _Y,
    "the author in HyeongseokSon1/SRFeat, issue 7",
    ((30.03,), (26.73,)),
  ),
  (
    "SRFeat, measured again",
    _Y,
    "a user in HyeongseokSon1/SRFeat, issue 7",
    ((29.99, 0.8445), (26.56, 0.7120)),
  ),
  (
    "RRDB, PSNR-oriented, DF2K",
    _Y,
    "xinntao/ESRGAN, README",
    (
      *((32.73, 0.9011), (28.99, 0.7917), (27.85, 0.7455), (27.03, 0.8153)),
      (31.66, 0.9196),
    ),
  ),
  (
    "RRDB, PSNR-oriented, DIV2K",
    _Y,
    "traiNNer-redux, benchmark4x.csv",
    ((), (), (), (26.73, 0.8072)),
  ),
  (
    "ESRGAN",
    _Y,
    _LORNATANG,
    ((30.44, 0.8525), (26.28, 0.6994), (25.33, 0.6534), (24.36, 0.7341)),
  ),
  (
    "NinaSR-B0, 0.10 M parameters",
    _Y,
    "its authors",
    ((31.77,), (28.28,), (27.36,), (25.45,)),
  ),
  (
    "VapSR-S, 0.155 M parameters",
    _Y,
    "its authors",
    ((32.14,), (28.64,), (27.60,), (26.05,)),
  ),
  (
    "SAFMN, 0.240 M parameters",
    _Y,
    "its authors",
    ((32.18,), (28.60,), (27.58,), (25.97,)),
  ),
  (
    "PAN, 0.272 M parameters",
    _Y,
    "its authors",
    ((32.13,), (28.61,), (27.59,), (26.11,)),
  ),
  (
    "ECBSR, 0.603 M parameters",
    _Y,
    "its authors",
    ((31.92,), (28.34,), (27.48,), (25.81,)),
  ),
  (
    "MSRResNet",
    _RGB,
    "BasicSR's model zoo",
    ((30.2468, 0.8651), (26.7817, 0.7451), (), (), (), (28.9967, 0.8195)),
  ),
  (
    "MSRGAN",
    _RGB,
    "BasicSR's model zoo",
    ((28.0158, 0.8087), (24.7474, 0.6623), (), (), (), (26.6504, 0.7462)),
  ),
  (
    "EDSR_M",
    _RGB,
    "BasicSR's model zoo",
    ((30.1821, 0.8641), (26.7528, 0.7432), (), (), (), (28.9679, 0.8183)),
  ),
  (
    "EDSR_L",
    _RGB,
    "BasicSR's model zoo",
    ((30.5499, 0.8701), (27.0011, 0.7509), (), (), (), (29.277, 0.8266)),
  ),
  (
    "MSRResNet",
    _RGB,
    _MMAGIC,
    ((30.2252,), (26.7762,), (), (), (), (28.9748,)),
  ),
  ("SRGAN", _RGB, _MMAGIC, ((27.9499,), (24.7383,), (), (), (), (26.5697,))),
  (
    "RRDB, PSNR-oriented",
    _RGB,
    _MMAGIC,
    ((30.6428,), (27.0543,), (), (), (), (29.3354,)),
  ),
  ("ESRGAN", _RGB, _MMAGIC, ((28.2700,), (24.6328,), (), (), (), (26.6531,))),
  (
    "SRFeat, pre-trained, with BatchNorm",
    _CENTER,
    _SLIME,
    ((30.56,), (26.38,), (25.78,)),
  ),
  (
    "SRFeat, pre-trained, without BatchNorm",
    _CENTER,
    _SLIME,
    ((30.72,), (26.44,), (25.82,)),
  ),
)
# Method, and of each set the perceptual index, LPIPS and PSNR of Y without a
# border of 4, as SPSR (Ma et al. 2020) measured them on the released images.
_PERCEPTUAL = (
  (
    "bicubic",
    ((7.3699, 0.3407), (7.0268, 0.4393), (7.0026, 0.5249), (6.9435, 0.4726)),
  ),
  (
    "SRGAN",
    (
      (3.9820, 0.0882, 29.168),
      (3.0851, 0.1663, 26.171),
      (2.5459, 0.1980, 25.459),
      (3.6980, 0.1551, 24.397),
    ),
  ),
  (
    "ESRGAN",
    (
      (3.7522, 0.0748, 30.454),
      (2.9261, 0.1329, 26.276),
      (2.4793, 0.1614, 25.317),
      (3.7704, 0.1229, 24.360),
    ),
  ),
)


def rows(
  sets: Sequence[str],
  scale: int,
  protocol: protocols.Protocol = protocols.MATLAB,
) -> list[dict[str, Any]]:
  """The published scores of some sets.

  Args:
    sets: names.
    scale: scale factor.
    protocol: that of the scores that they are to stand beside.

  Returns:
    For each method and source {"method": .., "protocol": .., "source": ..,
    "sets": {"Set5": {"psnr_y": .., "ssim_y": ..}}}. "Y, crop 4" is Y without a
    border of 4 pixels, LR by MATLAB's bicubic; "RGB, crop 4" likewise; that of
    `protocol.CENTER296` has its rows for itself. Scores have the names of ours
    that are measured alike: those of RGB are `psnr_rgb_crop4` and
    `ssim_rgb_crop4`, or `psnr_rgb` of centers. SPSR's LPIPS is `lpips_of_spsr`,
    as it does not say which backbone it has. Rows without scores of these sets
    are left out.
  """
  if scale != SCALE:
    return []
  of_center = protocol == protocols.CENTER296
  tables: list[tuple[str, str, str, Sequence[str], Sequence[Any]]] = [
    (method, measured, source, _METRICS[measured], scores)
    for method, measured, source, scores in _PAIRS
    if (measured == _CENTER) == of_center
  ]
  if not of_center:
    tables += [
      (method, "that of SPSR", _SPSR, ("pi", "lpips_of_spsr", "psnr_y"), scores)
      for method, scores in _PERCEPTUAL
    ]
  found = []
  for method, measured, source, metrics, scores in tables:
    of_sets = {
      name: dict(zip(metrics, values, strict=False))
      for name, values in zip(_SETS, scores, strict=False)
      if name in sets and values
    }
    if of_sets:
      found.append(
        {
          "method": method,
          "protocol": measured,
          "source": source,
          "sets": of_sets,
        }
      )
  return found


def tradeoff() -> dict[str, dict[str, tuple[float, float]]]:
  """Points of the perception-distortion plane, by set and method.

  Returns:
    PSNR of Y, in dB, and LPIPS, which SPSR measured by a backbone, and maybe
    with a border, that it does not name; PSNR of bicubic is that of the usual
    tables.
  """
  bicubic = next(scores for method, *_, scores in _PAIRS if method == "bicubic")
  return {
    name: {
      method: ((*scores[i], bicubic[i][0])[2], scores[i][1])
      for method, scores in _PERCEPTUAL
    }
    for i, name in enumerate(_SETS[: len(bicubic)])
  }
