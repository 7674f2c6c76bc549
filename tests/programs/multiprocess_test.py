"""Two processes with two devices each do what one process with four does."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
from absl.testing import absltest

from srfeat_jax import train
from tests.support import runs, two_processes


def _free_port() -> int:
  with socket.socket() as listener:
    listener.bind(("localhost", 0))
    return listener.getsockname()[1]


def _start(images, workdir, num_steps: int) -> list[subprocess.Popen]:
  port = str(_free_port())
  program = [sys.executable, "-m", "tests.support.two_processes"]
  rest = [port, str(images), str(workdir), str(num_steps)]
  return [runs.start([*program, str(i), *rest]) for i in range(2)]


def _log(workdir: pathlib.Path) -> list[dict]:
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  return [json.loads(line) for line in lines]


class MultiprocessTest(absltest.TestCase):
  def test_two_processes_equal_one_and_the_run_moves_between_them(self):
    folder = pathlib.Path(self.create_tempdir())
    images = runs.make_images(folder / "images")
    together, alone = folder / "together", folder / "alone"
    processes = _start(images, together, 2)
    first, second = (runs.finish(process) for process in processes)
    self.assertIn("4 x cpu", first)
    self.assertNotIn("step 1/2", second)  # one process speaks for all

    self.assertEqual(jax.device_count(), 4)
    config = two_processes.config_for(str(images), 2)
    train.train_and_evaluate(config, alone)
    logs = _log(together), _log(alone)
    self.assertEqual(*([line.keys() for line in log] for log in logs))
    for ours, theirs in zip(*logs, strict=True):
      for name in ours:
        if not name.startswith("speed/"):
          np.testing.assert_allclose(
            ours[name], theirs[name], rtol=1e-4, err_msg=name
          )

    # One process can continue from what two saved.
    more = two_processes.config_for(str(images), 3)
    state = train.train_and_evaluate(more, together)
    self.assertEqual(int(state.step), 3)

  def test_asked_to_stop_one_after_the_other_they_stop_at_one_step(self):
    folder = pathlib.Path(self.create_tempdir())
    images = runs.make_images(folder / "images")
    workdir = folder / "run"
    processes = _start(images, workdir, 1_000_000)
    try:
      runs.wait_for_log(workdir, processes[0])
      for process in processes:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
      outputs = [runs.finish(process, 75) for process in processes]
    finally:
      for process in processes:
        process.kill()
    steps = {
      re.search(r"stopped at step (\d+)", output)[1] for output in outputs
    }
    self.assertLen(steps, 1)
    self.assertTrue((workdir / "checkpoints" / steps.pop()).is_dir())

  def test_processes_that_see_other_images_stop_with_a_sentence(self):
    folder = pathlib.Path(self.create_tempdir())
    port = str(_free_port())
    processes = []
    for i in range(2):
      images = runs.make_images(folder / f"images{i}", 6 + i)
      program = [sys.executable, "-m", "tests.support.two_processes", str(i)]
      rest = [port, str(images), str(folder / "run"), "2"]
      processes.append(runs.start([*program, *rest]))
    for process in processes:
      self.assertIn(
        "process 1 sees other training images than process 0: 7 images",
        runs.finish(process, 1),
      )
    self.assertFalse((folder / "run").exists())


if __name__ == "__main__":
  absltest.main()
