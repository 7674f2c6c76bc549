"""How processes join, apart from whole runs (programs/multiprocess_test)."""

import socket
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.training import cluster
from tests.support import programs


class PlaceTest(parameterized.TestCase):
  @parameterized.parameters("node0:1", "10.0.0.1:65535", "[::1]:12345")
  def test_addresses(self, address):
    self.assertEqual(cluster.Place(address, 2, 1).address, address)

  @parameterized.parameters(
    ("node0", 2, 0, "coordinator_address=node0 is not HOST:PORT"),
    (":12345", 2, 0, "coordinator_address=:12345 is not HOST:PORT"),
    ("node0:0", 2, 0, "coordinator_address=node0:0 is not HOST:PORT"),
    ("node0:65536", 2, 0, "is not HOST:PORT"),
    ("node0:x", 2, 0, "is not HOST:PORT"),
    ("node0:1", 0, 0, "num_processes=0: expected how many"),
    ("node0:1", 2, 2, "process_id=2 with --num_processes=2: .* from 0 to 1"),
    ("node0:1", 2, -1, "process_id=-1 with --num_processes=2"),
  )
  def test_refuses_what_does_not_fit(self, address, number, index, message):
    with self.assertRaisesRegex(errors.InputError, message):
      cluster.Place(address, number, index)


class DevicesTest(parameterized.TestCase):
  @parameterized.parameters(
    ({}, 0),
    ({"SLURM_GPUS_ON_NODE": "8", "NVIDIA_VISIBLE_DEVICES": "all"}, 8),
    ({"SLURM_GPUS_ON_NODE": ""}, 0),
    ({"NVIDIA_VISIBLE_DEVICES": "GPU-1a,GPU-2b"}, 2),
    ({"NVIDIA_VISIBLE_DEVICES": "all"}, 0),
    ({"NVIDIA_VISIBLE_DEVICES": "void"}, 0),
  )
  def test_what_a_machine_was_assigned(self, environment, expected):
    self.assertEqual(cluster.assigned_gpus(environment)[0], expected)

  @parameterized.parameters(
    # Two nodes with a task a GPU; with one process for all; without GPUs.
    ([[7, 2, 1], [7, 2, 1], [9, 2, 1], [9, 2, 1]], ""),
    ([[7, 8, 8], [9, 8, 8]], ""),
    ([[7, 0, 0], [9, 0, 0]], ""),
    # More devices than were counted: two for each chip.
    ([[7, 4, 8]], ""),
    # A task a node, of which JAX takes one GPU.
    ([[7, 8, 1], [9, 8, 1]], "of process 0 was given 8 GPUs, and 1 of the"),
    # The second node is short.
    (
      [[7, 2, 1], [7, 2, 1], [9, 2, 1]],
      "of process 2 was given 2 GPUs, .* --ntasks-per-node=2",
    ),
  )
  def test_gpus_that_nobody_uses(self, rows, expected):
    sentence = cluster.unused(np.array(rows))
    if expected:
      self.assertRegex(sentence, expected)
    else:
      self.assertEqual(sentence, "")

  def test_refuses_the_cpu_in_place_of_gpus(self):
    environment = {"SLURM_GPUS_ON_NODE": "2"}
    cluster.check_devices(environment)  # JAX_PLATFORMS=cpu asks for it
    before = jax.config.jax_platforms
    self.addCleanup(jax.config.update, "jax_platforms", before)
    jax.config.update("jax_platforms", "")
    with self.assertRaisesRegex(
      errors.InputError, r"given GPUs \(SLURM_GPUS_ON_NODE=2\), and JAX sees no"
    ):
      cluster.check_devices(environment)
    cluster.check_devices({})

  def test_a_platform_that_is_not_there_is_a_sentence(self):
    with (
      mock.patch.object(jax, "local_devices", side_effect=RuntimeError("x\ny")),
      self.assertRaisesRegex(errors.InputError, r"JAX_PLATFORMS=tpu .* \(x\)"),
    ):
      cluster.check_devices({"JAX_PLATFORMS": "tpu"})


class JoinTest(programs.ProgramTestCase):
  """In processes of their own, which a time-out ends."""

  def run_process(self, address: str, index: int):
    return programs.run(
      *("main", "--config=configs/quickstart.py"),
      *(f"--workdir={self.folder / 'run'}", "--join_timeout=1"),
      *(f"--coordinator_address={address}", "--num_processes=2"),
      f"--process_id={index}",
      timeout=120,
    )

  def test_a_process_that_never_comes(self):
    with socket.create_server(("localhost", 0)) as listener:
      port = listener.getsockname()[1]
    result = self.run_process(f"localhost:{port}", 0)
    self.assert_fails(
      result,
      f"after 1 s not all of the 2 processes have come to localhost:{port}",
    )
    result = self.run_process(f"localhost:{port}", 1)
    self.assert_fails(
      result, f"after 1 s process 1 still reaches nothing at localhost:{port}"
    )
    self.assertFalse((self.folder / "run").exists())

  def test_a_port_in_use(self):
    with socket.create_server(("localhost", 0)) as listener:
      port = listener.getsockname()[1]
      result = self.run_process(f"localhost:{port}", 0)
    self.assert_fails(result, f"port {port} of this machine cannot be used")

  def test_no_scheduler(self):
    result = programs.run(
      *("main", "--config=configs/quickstart.py", "--multihost"),
      f"--workdir={self.folder / 'run'}",
    )
    self.assert_fails(result, "--multihost: nothing here says which processes")


if __name__ == "__main__":
  absltest.main()
