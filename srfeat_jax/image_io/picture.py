"""An image in memory, with its alpha, frames and metadata."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Picture:
  """An image or animation, upright: the EXIF orientation is applied.

  Attributes:
    frames: the colors, uint8 or uint16, [h, w] in gray or [h, w, 3] in RGB;
      several are an animation. All have the same shape and dtype.
    alphas: the opacity of each frame, [h, w] in its dtype, not premultiplied;
      [] if nothing is transparent.
    durations: how long each frame is shown, in milliseconds; [] for a still.
    plays: how often an animation is played; 0: forever.
    icc: the color profile of `frames`, b"" if there is none.
    exif: an EXIF block whose orientation is upright, or b"".
    xmp: an XMP packet whose orientation is upright, or b"".
    text: the text in a PNG, by keyword.
    warnings: what was converted or lost when the image was read, a phrase each.
  """

  frames: list[np.ndarray]
  alphas: list[np.ndarray] = dataclasses.field(default_factory=list)
  durations: list[float] = dataclasses.field(default_factory=list)
  plays: int = 0
  icc: bytes = b""
  exif: bytes = b""
  xmp: bytes = b""
  text: dict[str, str] = dataclasses.field(default_factory=dict)
  warnings: list[str] = dataclasses.field(default_factory=list)

  @property
  def size(self) -> tuple[int, int]:
    """Height and width."""
    return self.frames[0].shape[:2]

  @property
  def top(self) -> int:
    """The value of white, and of full opacity: 255 or 65535."""
    return np.iinfo(self.frames[0].dtype).max
