"""Values of flags as people write them: scale factors, formats, memory, tiles.

Parsers for `absl.flags`. What they cannot read raises ValueError with what was
expected, which absl completes to a sentence that names the flag.
"""

import re
from typing import Any

from absl import flags

from srfeat_jax.image_io import pictures
from srfeat_jax.upscaling import jobs

_UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}
# Fewer bytes than this are a number whose unit was forgotten.
_FEW_BYTES = 2**20
_MOST_GIGABYTES = 64  # larger numbers without a unit mean megabytes


class Tile(flags.ArgumentParser):
  """The side of a tile, None for "auto"."""

  syntactic_help = "auto, or a number above 0"

  def parse(self, argument: Any) -> int | None:
    """Returns the number of pixels, or None."""
    if argument in ("auto", None):
      return None
    if not re.fullmatch(r"0*[1-9]\d*", str(argument)):
      raise ValueError(f"expected {self.syntactic_help}")
    return int(argument)


class Memory(flags.ArgumentParser):
  """An amount of memory such as 2GiB or 500MB."""

  syntactic_help = "a number and KiB, MiB, GiB, or KB, MB, GB"

  def parse(self, argument: Any) -> int:
    """Returns the number of bytes."""
    form = r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?)B?|(B))?"
    match = re.fullmatch(form, str(argument), re.IGNORECASE)
    if not match or not float(match[1]):
      raise ValueError(f"expected {self.syntactic_help}")
    number = float(match[1])
    if not match[2]:
      if number < _FEW_BYTES and not match[4]:
        unit = "GiB" if number <= _MOST_GIGABYTES else "MiB"
        raise ValueError(
          f"that is {match[1]} bytes: did you mean {match[1]}{unit}?"
        )
      return int(number)
    exponent = _UNITS[match[2].upper()]
    unit = 2**exponent if match[3] else 10 ** (exponent // 10 * 3)
    return int(number * unit)


class Outscale(flags.ArgumentParser):
  """A scale factor such as 2, 2.5, x2 or 2x."""

  syntactic_help = "a scale factor such as 2 or 2.5"

  def parse(self, argument: Any) -> float | None:
    """Returns the factor, of which `options.Options` checks the range."""
    if argument is None:
      return None
    text = re.sub(r"^[x\u00d7]|[x\u00d7]$", "", str(argument).strip().lower())
    try:
      return float(text)
    except ValueError as error:
      raise ValueError(f"expected {self.syntactic_help}") from error


class Format(flags.ArgumentParser):
  """A file format, by its name or a file extension in any case."""

  syntactic_help = f"{jobs.SAME}, {', '.join(pictures.FORMATS)}"

  def parse(self, argument: Any) -> str:
    """Returns `jobs.SAME` or one of `pictures.FORMATS`."""
    name = str(argument).lower().removeprefix(".")
    if name in (jobs.SAME, *pictures.FORMATS):
      return name
    for key, form in pictures.READ_FORMATS.items():
      if name != key and f".{name}" not in form.extensions:
        continue
      if form.side:
        return key
      raise ValueError(
        f"{form.name} is read, but not written: expected one of"
        f" {self.syntactic_help}"
      )
    raise ValueError(f"expected one of {self.syntactic_help}")
