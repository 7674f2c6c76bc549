"""How much memory this computer has free, in bytes."""

import os
import pathlib
import sys

_MEMINFO = pathlib.Path("/proc/meminfo")
_CGROUP = pathlib.Path("/sys/fs/cgroup")  # version 2


def of_host(
  meminfo: pathlib.Path = _MEMINFO, cgroup: pathlib.Path = _CGROUP
) -> int | None:
  """Returns how much more programs can take before others are swapped out.

  Args:
    meminfo: the file in which Linux tells of memory.
    cgroup: the folder with a container's limit, which counts if it is less.

  Returns:
    The amount; half of all memory on systems that only tell that, and None on
    those that tell nothing.
  """
  try:
    lines = meminfo.read_text().splitlines()
    amounts = dict(line.split(":") for line in lines)
    free = 1024 * int(amounts["MemAvailable"].split()[0])
  except (OSError, KeyError, ValueError):
    return _half_of_all()
  return min(free, _left_in(cgroup))


def _half_of_all() -> int | None:
  try:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
  except (AttributeError, OSError, ValueError):
    return None


def _left_in(cgroup: pathlib.Path) -> int:
  """What the container may still take: without a limit, anything."""
  try:
    limit = int((cgroup / "memory.max").read_text())  # or "max"
    used = int((cgroup / "memory.current").read_text())
    lines = (cgroup / "memory.stat").read_text().splitlines()
    statistics = dict(line.split() for line in lines)
  except (OSError, ValueError):
    return sys.maxsize
  # Cached files count as used, but give way.
  return max(0, limit - used + int(statistics.get("inactive_file", 0)))
