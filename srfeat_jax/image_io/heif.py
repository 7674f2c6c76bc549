"""HEIC and HEIF files, which Pillow reads if pillow-heif is installed.

Importing this module teaches Pillow, so that it must come before any file is
opened.
"""

try:
  import pillow_heif
except ImportError:
  AVAILABLE = False
else:
  pillow_heif.register_heif_opener()
  AVAILABLE = True

NAME = "HEIF"  # Pillow's name of the format
REMEDY = (
  "install pillow-heif (launch/install.sh heif, or pip install pillow-heif), or"
  " save them as JPEG"
)
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1")


def is_heif(start: bytes) -> bool:
  """Whether a file that begins so, with 12 bytes or more, is of this format."""
  return start[4:8] == b"ftyp" and start[8:12] in _BRANDS
