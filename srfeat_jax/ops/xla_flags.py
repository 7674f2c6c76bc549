"""Which kernels XLA compiles for CPUs."""

import os

# Groups of operations that YNNPACK computes: none, if nothing follows "=".
_YNNPACK = "--xla_cpu_experimental_ynn_fusion_type="


def choose() -> None:
  """Has XLA use its own convolutions on CPUs, and not YNNPACK's.

  YNNPACK, which XLA prefers since 0.10, makes one kernel of chains of
  convolutions, and took 1.2 to 1.6 times as long for training steps and 1.0 to
  1.2 times for upscaling where it was measured: benchmarks/README.md. Other
  devices know no such flag. What the caller has set in `$XLA_FLAGS` stays. All
  programs call this before anything is compiled; later it changes nothing.
  """
  flags = os.environ.get("XLA_FLAGS", "")
  if _YNNPACK not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {_YNNPACK}".strip()
