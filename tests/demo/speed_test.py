"""How long networks take, and how that is said."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.demo import speed


class Machine:
  """A clock, and a network that takes a time for each pixel."""

  def __init__(self, seconds_per_pixel: float, compiling: float = 5.0):
    self.seconds_per_pixel = seconds_per_pixel
    self.now = 0.0
    self.compiling = compiling
    self.shapes = []

  def clock(self) -> float:
    return self.now

  def upscale(self, lr: np.ndarray) -> np.ndarray:
    if lr.shape not in self.shapes:
      self.now += self.compiling
    self.shapes.append(lr.shape)
    self.now += self.seconds_per_pixel * lr.shape[0] * lr.shape[1]
    return lr


class SpeedTest(parameterized.TestCase):
  @parameterized.parameters(1e-7, 1e-5, 1e-3)
  def test_seconds_per_pixel(self, seconds):
    machine = Machine(seconds)
    measured = speed.Speed(machine.clock)
    for _ in range(3):
      self.assertAlmostEqual(
        measured.seconds_per_pixel("a", machine.upscale) / seconds, 1, 3
      )
    self.assertLessEqual(len(machine.shapes), 6)
    # A slow network is measured on few pixels.
    self.assertLess(machine.now - 2 * machine.compiling, 30)

  def test_other_work_of_the_computer_does_not_count(self):
    machine = Machine(1e-3)
    calls = []

    def upscale(lr):
      calls.append(lr)
      machine.now += 60 * (len(calls) == 2)
      return machine.upscale(lr)

    measured = speed.Speed(machine.clock).seconds_per_pixel("a", upscale)
    self.assertAlmostEqual(measured, 1e-3, 6)

  def test_each_network_is_measured(self):
    machine = Machine(1e-3)
    measured = speed.Speed(machine.clock)
    measured.seconds_per_pixel("a", machine.upscale)
    machine.seconds_per_pixel *= 2
    for key, expected in (("b", 2e-3), ("a", 1e-3)):
      got = measured.seconds_per_pixel(key, machine.upscale)
      self.assertAlmostEqual(got, expected, 6)

  @parameterized.parameters(
    (0, "a few seconds"),
    (7, "a few seconds"),
    (8, "10 seconds"),
    (42, "40 seconds"),
    (58, "a minute"),
    (90, "2 minutes"),
    (60 * 17, "17 minutes"),
    (3600, "60 minutes"),
    (2.4 * 3600, "2.5 hours"),
    (100 * 3600, "100 hours"),
  )
  def test_in_words(self, seconds, words):
    self.assertEqual(speed.in_words(seconds), words)

  def test_time_left(self):
    machine = Machine(0)
    left = speed.TimeLeft(machine.clock)
    self.assertEqual(left(0.1), "")  # with compiling: of no use
    machine.now += 60
    self.assertEqual(left(0.2), ", about 8 minutes left")
    machine.now += 120
    self.assertEqual(left(0.4), ", about 6 minutes left")
    self.assertEqual(left(1.0), "")


if __name__ == "__main__":
  absltest.main()
