"""Which training images fit in the memory of which devices."""

from unittest import mock

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.batches import device_memory
from srfeat_jax.data import free_memory
from srfeat_jax.training import parallel


class DeviceMemoryTest(parameterized.TestCase):
  @parameterized.parameters(
    (1, 60, False),  # nothing to divide
    (4, 25, False),
    (4, 26, True),
    (4, 260, True),
  )
  def test_fits(self, devices, num_bytes, expected):
    room = device_memory.Room(devices, 100, "TPU")
    self.assertEqual(device_memory.is_split(num_bytes, room), expected)

  @parameterized.parameters(
    (1, 70e9, "70 GB decoded, on one device, but 100 GB are free on each .TPU"),
    (4, 280e9, "280 GB .* between 4 devices 70 GB each, .* 66.7 GB may hold"),
  )
  def test_does_not_fit(self, devices, num_bytes, message):
    room = device_memory.Room(devices, 100e9, "TPU")
    with self.assertRaisesRegex(
      errors.InputError, f"config.data.on_device .* {message}"
    ):
      device_memory.is_split(int(num_bytes), room)

  def test_cpus_share_what_the_host_has(self):
    room = device_memory.room(parallel.make_mesh())
    self.assertEqual(room.devices, 4)
    self.assertBetween(room.free, 2**20, 2**45)

  @mock.patch.object(free_memory, "of_host", return_value=None)
  def test_a_host_that_does_not_tell_is_no_host_without_memory(self, _):
    room = device_memory.room(parallel.make_mesh())
    self.assertFalse(device_memory.is_split(10**12, room))


if __name__ == "__main__":
  absltest.main()
