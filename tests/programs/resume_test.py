"""A run that is killed and started again ends with the very same bits."""

import os
import pathlib
import signal
import tempfile
import time

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import places
from srfeat_jax.reporting import sources
from srfeat_jax.weights import lookup
from tests.support import object_store, runs

_DEADLINE = 240  # seconds that a run may take to reach what is waited for


def _kill_when(process, condition) -> None:
  """Freezes the process at the moment that a condition holds, and kills it."""
  end = time.monotonic() + _DEADLINE
  while time.monotonic() < end:
    if process.poll() is not None:
      raise AssertionError(f"ended too soon:\n{process.stdout.read()}")
    if condition():
      os.kill(process.pid, signal.SIGSTOP)
      if condition():  # still so, now that nothing moves any more
        process.kill()
        process.communicate()
        return
      os.kill(process.pid, signal.SIGCONT)
    time.sleep(0.0005)
  process.kill()
  raise AssertionError("the moment to kill the run never came")


class ResumeTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._scratch = tempfile.TemporaryDirectory()
    cls.addClassCleanup(cls._scratch.cleanup)
    cls.folder = pathlib.Path(cls._scratch.name)
    cls.images = runs.make_images(cls.folder / "images")
    workdir = cls.folder / "straight"
    flags = ("--config.checkpoint_every=1000",)
    runs.finish(runs.start(runs.command(cls.images, workdir, *flags)))
    cls.expected = runs.final_state(workdir)

  def _assert_same_end(self, workdir):
    actual = runs.final_state(workdir)
    self.assertEqual(actual.keys(), self.expected.keys())
    for name, value in self.expected.items():
      np.testing.assert_array_equal(actual[name], value, err_msg=name)

  def _assert_whole_log(self, workdir):
    log = (workdir / "metrics.jsonl").read_text()
    steps = [int(line.split(",")[0].split(":")[1]) for line in log.splitlines()]
    self.assertEqual(steps, list(range(2, runs.NUM_STEPS + 1, 2)))

  def test_killed_between_checkpoints(self):
    workdir = self.folder / "killed"
    flags = ("--config.checkpoint_every=3",)
    third = workdir / "checkpoints" / "3"
    process = runs.start(runs.command(self.images, workdir, *flags))
    _kill_when(process, third.exists)
    output = runs.finish(runs.start(runs.command(self.images, workdir, *flags)))
    self.assertRegex(output, f"step [36] of {runs.NUM_STEPS}")
    self._assert_same_end(workdir)
    self._assert_whole_log(workdir)

  def test_killed_while_saving_and_with_data_workers(self):
    workdir = self.folder / "killed_while_saving"
    flags = ("--config.data.num_workers=2",)
    unfinished = "*.orbax-checkpoint-tmp*"

    def saving_the_third():
      folder = workdir / "checkpoints"
      return (folder / "2").exists() and any(folder.glob(unfinished))

    process = runs.start(runs.command(self.images, workdir, *flags))
    _kill_when(process, saving_the_third)
    runs.finish(runs.start(runs.command(self.images, workdir, *flags)))
    self._assert_same_end(workdir)

  def test_killed_with_a_workdir_in_an_object_store(self):
    self.enterContext(object_store.running())
    workdir = places.path(f"{object_store.ADDRESS}/runs/killed")
    flags = ("--config.checkpoint_every=3",)
    whole = workdir / "checkpoints" / "3" / "commit_success.txt"
    process = runs.start(runs.command(self.images, workdir, *flags))
    _kill_when(process, whole.exists)
    output = runs.finish(runs.start(runs.command(self.images, workdir, *flags)))
    self.assertRegex(output, f"step [36] of {runs.NUM_STEPS}")
    self._assert_same_end(workdir)
    self._assert_whole_log(workdir)
    names = {path.name for path in workdir.iterdir()}
    self.assertContainsSubset(
      {"config.json", "generator.safetensors", "training_curve.png"}, names
    )
    self.assertTrue(any(name.startswith("events.out.") for name in names))
    self._assert_programs_read(workdir)

  def _assert_programs_read(self, workdir):
    """A workdir by address, its weights by address, and a report of it."""
    local = self.folder / "straight" / "generator.safetensors"
    expected = lookup.load(str(local))
    for place in (workdir, workdir / "generator.safetensors"):
      loaded = lookup.load(str(place))
      self.assertEqual(loaded.generator["features"], 4)
      jax.tree.map(
        np.testing.assert_array_equal, loaded.variables, expected.variables
      )
    copy = places.fetched(workdir, sources.is_needed)
    (run,) = sources.load([copy]).runs
    self.assertEqual((run.name, run.last_step), ("killed", runs.NUM_STEPS))
    self.assertFalse((pathlib.Path(copy) / "checkpoints").exists())

  @parameterized.parameters((signal.SIGTERM, 75), (signal.SIGINT, 130))
  def test_asked_to_stop(self, number, status):
    workdir = self.folder / f"asked_{number}"
    flags = ("--config.checkpoint_every=1000",)
    long = (*flags, "--config.num_steps=1000000")
    process = runs.start(runs.command(self.images, workdir, *long))
    runs.wait_for_log(workdir, process)
    process.send_signal(number)
    output = runs.finish(process, status)
    self.assertIn("the same command resumes there", output)
    self.assertLen(list((workdir / "checkpoints").glob("[0-9]*")), 1)
    # It would be of an early step for ever.
    self.assertFalse((workdir / "generator.safetensors").exists())

  def test_one_run_at_a_time_in_a_workdir(self):
    workdir = self.folder / "shared"
    flags = ("--config.num_steps=1000000", "--config.checkpoint_every=1000")
    process = runs.start(runs.command(self.images, workdir, *flags))
    try:
      runs.wait_for_log(workdir, process)
      process.send_signal(signal.SIGSTOP)  # it still has the workdir
      second = runs.start(runs.command(self.images, workdir, *flags))
      self.assertIn(
        f"error: another process trains in {workdir}", runs.finish(second, 1)
      )
      self.assertIsNone(process.poll())
    finally:
      process.kill()
      process.communicate()

  def test_disk_full_while_saving_keeps_the_last_good_checkpoint(self):
    workdir = self.folder / "full"
    flags = ("--config.checkpoint_every=3",)
    more = runs.command(self.images, workdir, *flags)
    third = workdir / "checkpoints" / "3"
    _kill_when(runs.start(more), third.exists)

    # Larger files cannot be written, as on a disk that has no space left.
    small_files = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash"]
    process = runs.start([*small_files, *more])
    output, _ = process.communicate(timeout=_DEADLINE)
    self.assertNotEqual(process.returncode, 0, output)
    # tensorstore's threads may still complain below our sentence.
    self.assertRegex(output, "error: a checkpoint could not be written to .*")
    self.assertIn("make room there and run the same command again", output)
    self.assertTrue(third.exists())
    runs.finish(runs.start(more))
    self._assert_same_end(workdir)


if __name__ == "__main__":
  absltest.main()
