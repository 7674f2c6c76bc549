"""Two processes with two devices each do what one with two or four does."""

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

from srfeat_jax import models, train
from srfeat_jax.interchange.containers import safetensors_file
from tests.support import runs, two_processes, vgg19_files
from tests.support.torch_networks import torch_vgg


def _free_port() -> int:
  with socket.socket() as listener:
    listener.bind(("localhost", 0))
    return listener.getsockname()[1]


def _process(
  index, port, images, workdir, num_steps, start="", kind="", devices=2
):
  program = [sys.executable, "-m", "tests.support.two_processes"]
  rest = (index, port, images, workdir, num_steps, start, kind)
  return runs.start([*program, *map(str, rest)], devices)


def _start(*arguments) -> list[subprocess.Popen]:
  port = _free_port()
  return [_process(i, port, *arguments) for i in range(2)]


def _write_start(folder: pathlib.Path) -> pathlib.Path:
  """Writes what adversarial runs begin with: a generator, and VGG-19."""
  folder.mkdir()
  config = two_processes.config_for("", 1).generator.to_dict()
  variables = models.init(models.build(config), jax.random.key(7))
  safetensors_file.save(folder / "start.safetensors", config, variables)
  vgg19_files.write("npy", folder / "vgg19.npy", torch_vgg.state())
  return folder


def _log(workdir: pathlib.Path) -> list[dict]:
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  return [json.loads(line) for line in lines]


class MultiprocessTest(absltest.TestCase):
  # A U-Net discriminator, EMA, VGG-19, init_from and LDL.
  def test_two_processes_equal_one_and_the_run_moves_between_them(self):
    folder = pathlib.Path(self.create_tempdir())
    images = runs.make_images(folder / "images")
    start = _write_start(folder / "start")
    together, alone = folder / "together", folder / "alone"
    two_devices = folder / "two_devices"
    processes = _start(images, together, 2, start)
    processes.append(_process(0, "", images, two_devices, 2, start))
    first, second, third = (runs.finish(process) for process in processes)
    self.assertIn("2 x cpu", third)
    self.assertIn("4 x cpu", first)
    self.assertNotIn("step 1/2", second)  # one process speaks for all
    for i in range(2):
      log = (together / "logs" / f"process_{i}.log").read_text()
      self.assertIn(f"process {i} of 2 on {socket.gethostname()}, cpu", log)
      self.assertIn("ended: done", log)
    self.assertFalse((two_devices / "logs").exists())

    self.assertEqual(jax.device_count(), 4)
    config = two_processes.config_for(str(images), 2, str(start))
    train.train_and_evaluate(config, alone)
    expected = _log(alone)
    self.assertIn("loss/ldl", expected[-2])
    for workdir in (together, two_devices):
      for ours, theirs in zip(_log(workdir), expected, strict=True):
        self.assertEqual(ours.keys(), theirs.keys())
        for name in ours:
          if not name.startswith("speed/"):
            np.testing.assert_allclose(
              ours[name], theirs[name], rtol=1e-4, err_msg=name
            )

    # One process can continue from what two saved.
    more = two_processes.config_for(str(images), 3, str(start))
    state = train.train_and_evaluate(more, together)
    self.assertEqual(int(state.step), 3)

  def test_ten_steps_of_srfeat_are_the_same_on_any_devices(self):
    folder = pathlib.Path(self.create_tempdir())
    images = runs.make_images(folder / "images")
    start = _write_start(folder / "start")

    def on_one(name, num_steps):
      arguments = ("", images, folder / name, num_steps, start, "srfeat")
      runs.finish(_process(0, *arguments, devices=1))

    def on_four(name, num_steps):
      config = two_processes.srfeat_config_for(
        str(images), num_steps, str(start)
      )
      train.train_and_evaluate(config, folder / name)

    def on_two_times_two(name, num_steps):
      for process in _start(images, folder / name, num_steps, start, "srfeat"):
        runs.finish(process)

    on_one("one", 10)
    on_four("four", 10)
    on_two_times_two("together", 10)
    on_one("moved", 3)
    on_four("moved", 6)
    on_two_times_two("moved", 10)

    expected = _log(folder / "one")
    names = {name for name in expected[0] if name.startswith("loss/")}
    self.assertEqual(
      names,
      {"loss/perceptual"}
      | {
        f"loss/{kind}_{role}"
        for kind in ("adversarial", "discriminator")
        for role in ("image", "feature")
      },
    )
    # The images of each step differ: in another order losses would, too.
    for name in names:
      values = [step[name] for step in expected]
      self.assertGreater(np.std(values), 1e-3 * np.mean(values), name)
    for run in ("four", "together", "moved"):
      log = _log(folder / run)
      self.assertEqual([step["step"] for step in log], list(range(1, 11)))
      for ours, theirs in zip(log, expected, strict=True):
        for name in names:
          np.testing.assert_allclose(
            ours[name], theirs[name], rtol=1e-5, err_msg=f"{run} {name}"
          )

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
    port = _free_port()
    processes = []
    for i in range(2):
      images = runs.make_images(folder / f"images{i}", 6 + i)
      processes.append(_process(i, port, images, folder / "run", 2))
    for process in processes:
      self.assertIn(
        "process 1 sees other training images than process 0: 7 images",
        runs.finish(process, 1),
      )
    self.assertFalse((folder / "run").exists())

  def test_of_other_settings_each_is_named(self):
    folder = pathlib.Path(self.create_tempdir())
    port = _free_port()
    images = runs.make_images(folder / "images")
    processes = [
      _process(i, port, images, folder / "run", 2 + i) for i in range(2)
    ]
    for process in processes:
      self.assertIn(
        "config.num_steps=3 where process 0 has 2: start all processes by the"
        " same command (process 1)",
        runs.finish(process, 1),
      )
    self.assertFalse((folder / "run").exists())


if __name__ == "__main__":
  absltest.main()
