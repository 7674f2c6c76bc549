"""The metadata of image files: EXIF, XMP, text and color profile."""

import re

from PIL import Image

_ORIENTATION = 0x0112
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_SIZE_TAGS = (0xA002, 0xA003)  # width and height, which are no longer true
# The tags that are kept: those that describe the image, its author and camera.
# A TIFF also has tags that say where its pixels are, and other files a
# thumbnail of the old size.
_DESCRIPTIVE = (
  *(0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298),
  *(0x4746, 0x4749, *range(0x9C9B, 0x9CA0)),
)


def exif(image: Image.Image) -> tuple[bytes, list[str]]:
  """Returns the EXIF block of a loaded image, for the upright image.

  Returns:
    The block, b"" if there is none, and a warning if it had to be left out.
  """
  try:
    old = image.getexif()
    new = Image.Exif()
    for tag in _DESCRIPTIVE:
      if tag in old:
        new[tag] = old[tag]
    for tag in (_EXIF, _GPS):
      part = dict(old.get_ifd(tag))
      for unfit in (*_SIZE_TAGS, _INTEROPERABILITY):
        part.pop(unfit, None)
      if part:
        new[tag] = part
    if _ORIENTATION in old or len(new):
      new[_ORIENTATION] = 1
    return (new.tobytes() if len(new) else b""), []
  except Exception:  # whatever Pillow raises for damaged metadata
    return b"", ["its EXIF is damaged and was left out"]


def xmp(image: Image.Image) -> bytes:
  """Returns the XMP packet of a loaded image, for the upright image."""
  packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
  if isinstance(packet, str):
    packet = packet.encode()
  if not isinstance(packet, bytes):
    return b""
  return re.sub(rb'(tiff:Orientation(?:="|>))\d', rb"\g<1>1", packet)


def text(image: Image.Image) -> dict[str, str]:
  """Returns the text of a loaded PNG, by keyword."""
  words = getattr(image, "text", None) or {}
  return {
    str(key): str(value)
    for key, value in words.items()
    if not key.startswith("XML:")
  }


def profile(image: Image.Image) -> bytes:
  """Returns the ICC profile, b"" if there is none."""
  found = image.info.get("icc_profile") or b""
  return found if isinstance(found, bytes) else b""


def profile_space(icc: bytes) -> str:
  """Returns a profile's color space: "RGB", "GRAY", "CMYK" or "LAB"."""
  return icc[16:20].decode("latin-1").strip()
