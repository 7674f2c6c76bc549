"""What holds for every test: devices, compilation cache, flags, Ctrl-C."""

import gc
import os
import signal
import sys
import tempfile
from importlib import metadata

import pytest
from absl import flags

# Before jax is imported. The CPU, for it is everywhere and exact; four devices,
# so that a batch is really split; the programs that tests start over and over
# compile once, and with little optimization, for most of what is compiled runs
# on a few pixels. What the caller has set stays.
_CACHE = tempfile.TemporaryDirectory(prefix="srfeat_compiled_")
_XLA_FLAGS = [
  "--xla_llvm_disable_expensive_passes=true",
  "--xla_backend_optimization_level=0",
  "--xla_cpu_parallel_codegen_split_count=1",
]
# With MLIR's fusions compiling takes twice as long. Later versions of XLA lack
# this flag, and end at flags that they do not know.
if metadata.version("jaxlib").startswith("0.10."):
  _XLA_FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "4")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _CACHE.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("XLA_FLAGS", " ".join(_XLA_FLAGS))

# grain's workers are started with the flags of this process.
flags.FLAGS.mark_as_parsed()

# Shells let what they start in the background ignore it, and its children with
# it: those that tests interrupt would continue.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
  """Collects garbage more rarely: what was imported never becomes garbage."""
  gc.collect()
  gc.freeze()
  gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
  """Frees what the tests of a file have compiled: 8 GB for those of all."""
  yield
  if "jax" in sys.modules:
    sys.modules["jax"].clear_caches()
