"""What holds for every test: four CPU devices, and absl's flags parsed."""

import os

from absl import flags

# Before jax is imported. The CPU, for it is everywhere and exact; four devices,
# so that a batch is really split. What the caller has set stays.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "4")

# grain's workers are started with the flags of this process.
flags.FLAGS.mark_as_parsed()
