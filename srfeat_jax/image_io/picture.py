"""A person's picture in memory, with all that would be missed without it."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Picture:
  """A picture or an animation, upright: the EXIF orientation is applied.

  Attributes:
    frames: the colours, uint8 or uint16, [h, w] in gray or [h, w, 3] in RGB;
      several are an animation. All have one shape and dtype.
    alphas: the opacity of each frame, [h, w] in its dtype, not multiplied into
      the colours; [] if nothing is transparent.
    durations: how long each frame is shown, in milliseconds; [] of a still.
    plays: how often an animation is shown; 0: for ever.
    icc: the colour profile of `frames`, b"" if there is none.
    exif: an EXIF block whose orientation is upright, or b"".
    xmp: an XMP packet whose orientation is upright, or b"".
    text: what a PNG has in words, by keyword.
    notes: what reading had to change or leave out, a phrase each.
  """

  frames: list[np.ndarray]
  alphas: list[np.ndarray] = dataclasses.field(default_factory=list)
  durations: list[float] = dataclasses.field(default_factory=list)
  plays: int = 0
  icc: bytes = b""
  exif: bytes = b""
  xmp: bytes = b""
  text: dict[str, str] = dataclasses.field(default_factory=dict)
  notes: list[str] = dataclasses.field(default_factory=list)

  @property
  def size(self) -> tuple[int, int]:
    """Height and width."""
    return self.frames[0].shape[:2]

  @property
  def top(self) -> int:
    """What is white, and opaque: 255 or 65535."""
    return np.iinfo(self.frames[0].dtype).max
