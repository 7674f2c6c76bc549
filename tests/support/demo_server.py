"""The page of `srfeat_jax.demo`, served for a test."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

from tests.support import paths


@contextlib.contextmanager
def served(*flags: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
  """Runs the program on a free port; yields where the page is."""
  with subprocess.Popen(
    [sys.executable, "-m", "srfeat_jax.demo", "--port=0", *map(str, flags)],
    cwd=paths.REPOSITORY,
    env=os.environ | {"JAX_PLATFORMS": "cpu"} | (env or {}),
    stdout=subprocess.PIPE,
    text=True,
  ) as server:
    try:
      line = server.stdout.readline()
      if "http" not in line:
        raise RuntimeError(f"no page is served: {line!r}")
      yield line.split()[4]
    finally:
      server.terminate()
