"""Ctrl-C while the device computes."""

import signal
import subprocess
import sys

from absl.testing import absltest, parameterized

from tests.support import paths

# Both never end by themselves: if Ctrl-C waits for the device, the test does.
# The loop depends on a value, or compilers may leave it out.
_FOREVER = """
import jax, numpy as np
from jax import numpy as jnp
from srfeat_jax.upscaling import interruption
step = lambda x: 2 + jnp.sin(x)
never = jax.jit(lambda x: jax.lax.while_loop(lambda x: x > 0, step, x))
with interruption.at_once(lambda: "two of three are done"):
  print("ready", flush=True)
  np.asarray(never(1.0))
"""
_IN_PYTHON = """
import time
from srfeat_jax.upscaling import interruption
with interruption.at_once(lambda: "two of three are done"):
  try:
    print("ready", flush=True)
    time.sleep(600)
  finally:
    print("cleaned up", flush=True)
"""
_TWO_OF_THEM = """
import signal
from srfeat_jax.upscaling import interruption
for _ in range(2):
  with interruption.at_once(lambda: "x"):
    pass
  assert signal.set_wakeup_fd(-1) == -1
try:
  with interruption.at_once(lambda: "x"):
    raise ValueError
except ValueError:
  print("ready")
"""


def _run(code: str, signals: int) -> tuple[int, str, str]:
  with subprocess.Popen(
    [sys.executable, "-c", code],
    cwd=paths.REPOSITORY,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    try:
      assert process.stdout.readline() == "ready\n"
      for _ in range(signals):
        process.send_signal(signal.SIGINT)
      stdout, stderr = process.communicate(timeout=120)
    finally:
      process.kill()
  return process.returncode, stdout, stderr


class InterruptionTest(parameterized.TestCase):
  @parameterized.parameters(1, 2)
  def test_while_the_device_computes(self, signals):
    status, _, stderr = _run(_FOREVER, signals)
    self.assertEqual((status, stderr), (130, "two of three are done\n"))

  def test_the_main_thread_cleans_up_where_it_can(self):
    status, stdout, stderr = _run(_IN_PYTHON, 1)
    self.assertEqual((status, stdout), (130, "cleaned up\n"))
    self.assertEqual(stderr, "two of three are done\n")

  def test_leaves_nothing_behind(self):
    self.assertEqual(_run(_TWO_OF_THEM, 0), (0, "", ""))


if __name__ == "__main__":
  absltest.main()
