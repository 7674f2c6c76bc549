"""What a compiled program sends from device to device, read from its text."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator

KINDS = (
  "all-reduce",
  "all-gather",
  "reduce-scatter",
  "all-to-all",
  "collective-permute",
)
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) (?:\(.*)?-> .*\{$")
# A result may be a tuple, and layouts have parentheses of their own.
_INSTRUCTION = re.compile(
  r"\s+(?:ROOT )?%?[\w.\-]+ = (\((?:[^()]|\([^()]*\))*\)|\S+) "
  rf"({'|'.join(KINDS)})(-start)?\("
)
_ARRAY = re.compile(r"\b([a-z]+\d*[a-z0-9]*)\[([\d,]*)\]")
_CALLED = re.compile(
  r"(?:calls|to_apply|body|condition|true_computation|false_computation)="
  r"%?([\w.\-]+)"
)
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_MESH_GROUPS = re.compile(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}")
_IOTA_GROUPS = re.compile(r"replica_groups=\[(\d+),(\d+)\]<=")
_LISTED_GROUPS = re.compile(r"replica_groups=\{\{([\d,]*)\}")


@dataclasses.dataclass(frozen=True)
class Collective:
  """One of the program's.

  Attributes:
    kind: one of `KINDS`.
    num_bytes: of the whole: what an all-gather returns, what a reduce-scatter
      takes, what each device has of an all-reduce or sends to another.
    devices: how many take part in a group; 0: all.
    count: how often a run of the program has it.
  """

  kind: str
  num_bytes: int
  devices: int
  count: int = 1


def find(text: str) -> list[Collective]:
  """The collectives of a program.

  Args:
    text: of the optimized program, `compiled.as_text()`.
  """
  bodies = dict(_computations(text))
  found = []
  for name, times in _times(bodies).items():
    for line in bodies[name][1]:
      if match := _INSTRUCTION.match(line):
        shape, kind, start = match.groups()
        found.append(_collective(shape, kind, start, line, times))
  return found


def _collective(
  shape: str, kind: str, start: str | None, line: str, times: int
) -> Collective:
  sizes = [_num_bytes(*each) for each in _ARRAY.findall(shape)]
  devices = _group_size(line)
  if start and kind == "all-gather":  # (what goes in, what comes out)
    sizes = sizes[len(sizes) // 2 :]
  elif start and kind == "collective-permute":  # the same, and contexts
    sizes = sizes[1:2]
  elif kind == "reduce-scatter":
    if start:
      sizes = sizes[len(sizes) // 2 :]
    sizes = [size * max(1, devices) for size in sizes]
  return Collective(kind, sum(sizes), devices, times)


def _num_bytes(dtype: str, dimensions: str) -> int:
  count = 1
  for size in filter(None, dimensions.split(",")):
    count *= int(size)
  bits = re.search(r"\d+", dtype)
  return -(-count * (int(bits[0]) if bits else 8) // 8)  # pred is a byte


def _group_size(line: str) -> int:
  if match := _MESH_GROUPS.search(line):
    axes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
    size = 1
    for axis in re.findall(r"'(\w+)'", match[2]):
      size *= int(axes[axis])
    return size
  if match := _IOTA_GROUPS.search(line):
    return int(match[2])
  if match := _LISTED_GROUPS.search(line):
    return len(match[1].split(","))
  return 0


def _computations(text: str) -> Iterator[tuple[str, tuple[bool, list[str]]]]:
  """Yields the name of each, whether it is the first, and its lines."""
  name, lines = "", []
  for line in text.splitlines():
    if match := _COMPUTATION.match(line):
      name, lines = match[2], []
      yield name, (bool(match[1]), lines)
    elif name:
      lines.append(line)


def _times(bodies: dict[str, tuple[bool, list[str]]]) -> dict[str, int]:
  """How often each computation is run, as far as loops tell their trips."""
  times: dict[str, int] = defaultdict(int)

  def visit(name: str, count: int) -> None:
    times[name] += count
    for line in bodies[name][1]:
      called = _CALLED.findall(line)
      for branches in _BRANCHES.findall(line):
        called += re.findall(r"[\w.\-]+", branches)
      trips = int(found[1]) if (found := _TRIPS.search(line)) else 1
      for other in called:
        if other in bodies:
          visit(other, count * trips)

  for name, (is_first, _) in bodies.items():
    if is_first:
      visit(name, 1)
  return times
