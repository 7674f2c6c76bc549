"""How much memory an image takes."""

import pathlib

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.demo import host_memory
from srfeat_jax.image_io import pictures
from tests.support import programs

# Prints the bytes of a result, and what a process takes at most, beyond what
# it had before, with this result while it is written.
_MEASURE = """
import sys
import numpy as np
from srfeat_jax.image_io import pictures
from srfeat_jax.ops import resize

def write(height, width):
  lr = np.random.default_rng(0).integers(90, 160, (height, width, 3), np.uint8)
  sr = resize.resize(lr, 4)
  pictures.write(sys.argv[1], pictures.Picture([sr]))
  return sr.nbytes

def memory(name):
  lines = open("/proc/self/status").read().splitlines()
  return 1024 * int(dict(x.split(":", 1) for x in lines)[name].split()[0])

write(9, 9)
open("/proc/self/clear_refs", "w").write("5")  # begins a new peak
before = memory("VmRSS")
print(write(1000, 1200), memory("VmHWM") - before)
"""


class HostMemoryTest(programs.ProgramTestCase):
  def test_writing_takes_what_is_said(self):
    if not pathlib.Path("/proc/self/clear_refs").exists():
      self.skipTest("only Linux tells how much memory a process takes")
    ran = programs.run(_MEASURE, self.folder / "sr.png")
    self.assertEqual(ran.returncode, 0, ran.stderr)
    result, taken = map(int, ran.stdout.split())
    said = host_memory.of_writing(result)
    # Noise makes larger files than photos do.
    # What does not grow with the image is not counted.
    self.assertBetween(taken, said, 1.25 * said)

  def test_needed(self):
    def needed(height, width, dtype=np.uint8, outscale=4.0):
      picture = pictures.Picture([np.zeros((height, width, 3), dtype)])
      return host_memory.needed(picture, 4, outscale)

    photo = needed(4000, 6000)
    self.assertBetween(photo, 2.5e9, 4e9)
    self.assertBetween(needed(4000, 6000, np.uint16), 1.9 * photo, 2.1 * photo)
    self.assertLess(needed(4000, 6000, outscale=2), photo)
    self.assertBetween(needed(8, 8), 1e9, 2e9)  # the network's own

  @parameterized.parameters(2e9, 6e9, 30e9)
  def test_megapixels_within(self, amount):
    most = host_memory.megapixels_within(amount, 4)
    height = int(most * 1e6 / 100)
    picture = pictures.Picture([np.zeros((height, 100, 3), np.uint8)])
    needed = host_memory.needed(picture, 4, 4)
    self.assertBetween(needed, 0.999 * amount, amount)
    self.assertEqual(host_memory.megapixels_within(1e9, 4), 0)


if __name__ == "__main__":
  absltest.main()
