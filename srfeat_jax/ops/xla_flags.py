"""Which kernels XLA compiles for CPUs."""

import os

# Groups of operations that YNNPACK computes: none, if nothing follows "=".
_YNNPACK = "--xla_cpu_experimental_ynn_fusion_type="


def choose() -> None:
  """Has XLA use its own convolutions on CPUs, and not YNNPACK's.

  YNNPACK, which XLA prefers since 0.10, makes one kernel of chains of
  convolutions, and takes up to four times as long for a training step and 1.4
  times for upscaling: benchmarks/README.md has numbers. Other devices know no
  such flag. What the caller has set in `$XLA_FLAGS` stays. Call this before
  anything is compiled; later it changes nothing.
  """
  flags = os.environ.get("XLA_FLAGS", "")
  if _YNNPACK not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {_YNNPACK}".strip()
