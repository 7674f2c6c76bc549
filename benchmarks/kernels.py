"""The kernels of a trace, by kind.

JAX's profiler reports how long each kernel ran; its kind is found from its
name.
On a GPU these are the kernels of the streams. On a CPU they are XLA's thunks:
of several threads the profiler does not see all, so a profile is of one core.
"""

import collections
import pathlib
import re

import jax

# A kernel is of the first kind whose expression matches its name.
_KINDS = (
  ("copy", r"memcpy|memset|copy|transpose|nchwto|nhwcto|converttensor"),
  ("convolution", r"conv(?!ert)|fprop|dgrad|wgrad|implicit|cudnn|winograd"),
  ("matrix product", r"gemm|dot|cutlass|nvjet|cublas|matmul|xmma"),
  ("pooling", r"select_and_scatter|reduce_window|reduce-window|pool"),
  ("reduction", r"reduc"),
  ("elementwise", r"fusion|loop|wrapped|broadcast|add|multiply|select"),
)
_SHOWN = 20  # longest kernels that are listed


def summarize(folder: pathlib.Path, steps: int) -> dict:
  """Reads a trace.

  Args:
    folder: where `jax.profiler.trace` wrote it.
    steps: the number of steps in it.

  Returns:
    Seconds per step for each kind of kernel, and for the longest kernels.

  Raises:
    RuntimeError: there are no kernels in it.
  """
  seconds, lines = collections.Counter(), []
  for path in folder.rglob("*.xplane.pb"):
    data = jax.profiler.ProfileData.from_file(str(path))
    for name, duration_ns in _kernels(data):
      seconds[name] += duration_ns / 1e9 / steps
    lines += [
      f"{plane.name}: {x.name}" for plane in data.planes for x in plane.lines
    ]
  if not seconds:
    raise RuntimeError(f"no kernels were traced, but {sorted(set(lines))}")
  kinds = collections.Counter()
  for name, each in seconds.items():
    kinds[kind(name)] += each
  total = sum(kinds.values())
  return {
    "kernel_seconds_a_step": total,
    "kinds": {
      name: {"seconds": each, "share": each / total}
      for name, each in kinds.most_common()
    },
    "longest": dict(seconds.most_common(_SHOWN)),
  }


def kind(name: str) -> str:
  """Finds the kind of a kernel from its name."""
  for found, expression in _KINDS:
    if re.search(expression, name.lower()):
      return found
  return "other"


def _kernels(data):
  """Yields the name and the duration in ns of each kernel in a trace."""
  planes = list(data.planes)
  on_gpu = [plane for plane in planes if plane.name.startswith("/device:GPU")]
  for plane in on_gpu or planes:
    for line in plane.lines:
      # The plane of a GPU has summaries besides its streams.
      if on_gpu and not line.name.startswith("Stream"):
        continue
      for event in line.events:
        if on_gpu or any(key == "hlo_op" for key, _ in event.stats):
          yield event.name, event.duration_ns
