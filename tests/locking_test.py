"""Tests of srfeat_jax.locking."""

import errno
from unittest import mock

from absl.testing import absltest

from srfeat_jax import errors, locking


class HoldTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.path = self.create_tempfile().full_path

  def test_only_one_holds_it(self):
    with (
      locking.hold(self.path, "busy: wait"),
      self.assertRaisesRegex(errors.InputError, "^busy: wait$"),
      locking.hold(self.path, "busy: wait"),
    ):
      self.fail("two hold it")
    with locking.hold(self.path, "busy: wait"):
      pass  # the next one may

  def test_a_file_system_without_locks_is_not_another_process(self):
    failure = OSError(errno.ENOLCK, "No locks available")
    with (
      mock.patch.object(locking.fcntl, "flock", side_effect=failure),
      self.assertLogs(level="WARNING") as logs,
      locking.hold(self.path, "busy"),
    ):
      pass
    self.assertIn("cannot be locked (No locks available)", logs.output[0])


if __name__ == "__main__":
  absltest.main()
