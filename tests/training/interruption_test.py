"""Which signals a run remembers; whole runs that get them: resume_test."""

import signal
from unittest import mock

import jax
from absl.testing import absltest, parameterized

from srfeat_jax.training import interruption


class InterruptionTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
      self.addCleanup(signal.signal, number, signal.getsignal(number))
      # What they do outside of a run; by default they would end the tests.
      signal.signal(number, self._keep)
    self.kept = []

  def _keep(self, number, unused_frame):
    self.kept.append(number)

  @parameterized.parameters(
    (signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)
  )
  def test_the_first_is_remembered_and_the_second_is_not(self, number, status):
    with interruption.Interruption(self.fail) as signals:
      self.assertIsNone(signals.status_after(1))
      self.assertFalse(signals.is_urgent)
      signal.raise_signal(number)
      self.assertTrue(signals.is_urgent)
      self.assertEqual(signals.status_after(2), status)
      self.assertEqual(self.kept, [])
      signal.raise_signal(number)
      self.assertEqual(self.kept, [number])
    signal.raise_signal(number)
    self.assertEqual(self.kept, [number, number])

  def test_nohup(self):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruption.Interruption(self.fail) as signals:
      signal.raise_signal(signal.SIGHUP)
      self.assertIsNone(signals.status_after(1))
    self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

  def test_several_processes_leave_sigterm_to_jax(self):
    with mock.patch.object(jax, "process_count", return_value=2):
      signals = interruption.Interruption(lambda step: step == 3)
    with signals:
      signal.raise_signal(signal.SIGHUP)
      self.assertEqual(self.kept, [signal.SIGTERM])
      # One of them must not drop what the others do.
      self.assertFalse(signals.is_urgent)
      self.assertIsNone(signals.status_after(2))
      self.assertEqual(signals.status_after(3), 75)


if __name__ == "__main__":
  absltest.main()
