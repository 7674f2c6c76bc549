"""What Orbax logs of checkpoints; checkpoints in a store; see resume_test."""

import itertools
import json
import logging
import time
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from absl import logging as absl_logging
from absl.testing import absltest, parameterized

from srfeat_jax import errors, places
from srfeat_jax.training import checkpoint, state
from tests.support import image_files, object_store

CONFIG = {"generator": {"architecture": "srfeat"}}


class LogTest(image_files.FolderTestCase):
  def test_a_run_is_saved_and_read_without_a_warning(self):
    optimizer = optax.sgd(0.1)
    variables = {"params": {"a": jnp.arange(3.0)}, "batch_stats": {}}
    start = state.start(variables, optimizer, {}, optimizer, keep_ema=False)
    (self.folder / "config.json").write_text(json.dumps(CONFIG))
    managers = mock.patch.object(
      ocp, "CheckpointManager", side_effect=ocp.CheckpointManager
    )
    with (
      managers as made,
      mock.patch.object(checkpoint, "_NOISE", wraps=checkpoint._NOISE) as seen,
      self.assertNoLogs("absl", "WARNING"),
    ):
      checkpointer = checkpoint.Checkpointer(self.folder, keep=1)
      checkpointer.save(1, start, {"position": 7}, CONFIG)
      checkpointer.wait()
      after, data = checkpointer.restore(start, CONFIG)
      checkpointer.close()
      self.assertTrue(checkpoint.exists(self.folder))
      read = checkpoint.restore_generator(self.folder)
    self.assertEqual(data, {"position": 7})
    for each in (after.generator.variables, read):
      jax.tree.map(np.testing.assert_array_equal, each, variables)
    for call in made.call_args_list:
      self.assertNotIn("item_handlers", call.kwargs)  # deprecated
    # What is kept out of the log is really said.
    self.assertTrue(seen.match.called)


class ClockTest(image_files.FolderTestCase):
  def test_a_clock_that_jumps_back_with_each_look(self):
    optimizer = optax.sgd(0.1)
    states = [
      state.start(
        {"params": {"a": jnp.arange(3.0) + i}, "batch_stats": {}},
        *(optimizer, {}, optimizer),
        keep_ema=False,
      )
      for i in range(4)
    ]
    days = itertools.count(20_000, -1)
    with (
      mock.patch.object(time, "time", lambda: 86_400.0 * next(days)),
      mock.patch.object(time, "time_ns", lambda: 86_400 * 10**9 * next(days)),
    ):
      checkpointer = checkpoint.Checkpointer(self.folder, keep=2)
      for step in (1, 2, 3):
        checkpointer.save(step, states[step], {"position": step}, CONFIG)
      checkpointer.wait()
      after, data = checkpointer.restore(states[0], CONFIG)
      checkpointer.close()
    self.assertEqual(data, {"position": 3})
    jax.tree.map(np.testing.assert_array_equal, after, states[3])
    kept = sorted(path.name for path in (self.folder / "checkpoints").iterdir())
    self.assertEqual(kept, ["2", "3"])


class StoreTest(absltest.TestCase):
  """Checkpoints by address, through Orbax and TensorStore."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.port = cls.enterClassContext(object_store.running())

  def setUp(self):
    super().setUp()
    self.workdir = places.path(f"{object_store.ADDRESS}/{self.id()}")
    optimizer = optax.sgd(0.1)
    self.states = [
      state.start(
        {"params": {"a": jnp.arange(3.0) + i}, "batch_stats": {}},
        *(optimizer, {}, optimizer),
        keep_ema=False,
      )
      for i in range(3)
    ]

  def save(self, *steps: int, keep: int = 3) -> None:
    checkpointer = checkpoint.Checkpointer(self.workdir, keep)
    for step in steps:
      checkpointer.save(step, self.states[step], {"position": step}, CONFIG)
    checkpointer.close()

  def restore(self) -> tuple:
    checkpointer = checkpoint.Checkpointer(self.workdir, 3)
    restored = checkpointer.restore(self.states[0], CONFIG)
    checkpointer.close()
    return restored

  def names(self, folder: str) -> list[str]:
    return sorted(path.name for path in (self.workdir / folder).iterdir())

  def test_saved_kept_and_read(self):
    self.assertFalse(checkpoint.exists(self.workdir))
    self.save(0, 1, 2, keep=2)
    self.assertTrue(checkpoint.exists(self.workdir))
    self.assertEqual(self.names("checkpoints"), ["1", "2"])
    after, data = self.restore()
    self.assertEqual(data, {"position": 2})
    jax.tree.map(np.testing.assert_array_equal, after, self.states[2])
    (self.workdir / "config.json").write_text(json.dumps(CONFIG))
    read = checkpoint.restore_generator(self.workdir)
    np.testing.assert_array_equal(read["params"]["a"], np.arange(3.0) + 2)

  def test_one_that_was_not_finished_is_none(self):
    self.save(1, 2)
    (self.workdir / "checkpoints" / "2" / "commit_success.txt").unlink()
    self.assertEqual(self.restore()[1], {"position": 1})
    self.save(2)
    self.assertEqual(self.restore()[1], {"position": 2})

  def test_a_damaged_one_is_put_aside(self):
    self.save(1, 2)
    manifest = self.workdir / "checkpoints" / "2" / "state" / "manifest.ocdbt"
    manifest.write_bytes(b"no manifest")
    with self.assertLogs("absl", "WARNING") as log:
      after, data = self.restore()
    self.assertEqual(data, {"position": 1})
    jax.tree.map(np.testing.assert_array_equal, after, self.states[1])
    self.assertIn("goes on from step 1", log.output[-1])
    self.assertEqual(self.names("checkpoints"), ["1"])
    self.assertEqual(self.names("damaged_checkpoints"), ["2"])
    self.assertIn("state", self.names("damaged_checkpoints/2"))

  def test_a_store_that_does_not_answer_damages_nothing(self):
    self.save(1, 2)
    checkpointer = checkpoint.Checkpointer(self.workdir, 3)
    for error in (
      ValueError("Error reading gs://a: UNAVAILABLE: CURL error"),
      ConnectionResetError("by peer"),
    ):
      with (
        mock.patch.object(checkpointer._manager, "restore", side_effect=error),
        self.assertRaisesRegex(errors.InputError, "that the store can be rea"),
      ):
        checkpointer.restore(self.states[0], CONFIG)
    checkpointer.close()
    self.assertEqual(self.names("checkpoints"), ["1", "2"])

  def test_no_bucket(self):
    with self.assertRaisesRegex(
      errors.InputError, "--workdir=gs://other/a .*there is no bucket other"
    ):
      checkpoint.exists("gs://other/a")


class FilterTest(parameterized.TestCase):
  @parameterized.parameters(
    ("Given directory is read only=/x", False),
    ("[process=0] _SignalingThread.run() raised an exception: full", False),
    ("[step=2] Save Finalize thread (save_finalize) failed.", False),
    ("Async checkpoint took longer than the timeout.", True),
  )
  def test_only_known_noise_is_kept_out(self, message, shown):
    checkpoint._hush_orbax()
    logger = absl_logging.get_absl_logger()
    record = logger.makeRecord(
      "absl", logging.WARNING, ocp.__file__, 1, message, (), None
    )
    self.assertEqual(bool(logger.filter(record)), shown)


if __name__ == "__main__":
  absltest.main()
