"""What Orbax logs while checkpoints are written and read; see resume_test."""

import json
import logging
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from absl import logging as absl_logging
from absl.testing import absltest, parameterized

from srfeat_jax.training import checkpoint, state
from tests.support import image_files

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
